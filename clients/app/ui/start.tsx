import { createRoot } from 'react-dom/client';
import type { Beginning } from '../store/account.ts';
import { Router } from '../store/route.ts';
import { SettingsStore } from '../store/settings.ts';
import { App } from './app.tsx';

/** Draws the app into its page. */
export function start(begun: Promise<Beginning>): void {
  const place = document.querySelector('#app');
  if (place !== null)
    createRoot(place).render(<App router={new Router()} settings={new SettingsStore()} begun={begun} />);
}
