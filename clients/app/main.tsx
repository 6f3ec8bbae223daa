import { createRoot } from 'react-dom/client';
import { Router } from './store/route.ts';
import { SettingsStore } from './store/settings.ts';
import { allowOwnScripts } from './trusted-types.ts';
import { App } from './ui/app.tsx';

allowOwnScripts();
const place = document.querySelector('#app');
if (place !== null) createRoot(place).render(<App router={new Router()} settings={new SettingsStore()} />);
