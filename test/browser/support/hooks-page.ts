// What runs in the page of the hooks' test: a component as an application has it, in React's strict mode, which mounts each twice.
import { createElement, StrictMode, useState } from 'react';
import type { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { ParleyProvider, useConnection, useOpenParley, useParley } from '../../../clients/web/react/index.ts';

declare global {
  interface Window {
    /** What was rendered: `user phase` of the Parley that was there, or `none`. */
    rendered: string[];
    become(user: string): void;
  }
}

const query = new URLSearchParams(location.search);
window.rendered = [];

function Shown(): ReactNode {
  const { userId, client } = useParley();
  useConnection();
  window.rendered.push(`${userId} ${client.connection.phase}`);
  return null;
}

function App(): ReactNode {
  const [userId, become] = useState('alice');
  window.become = become;
  const getToken = (): string => query.get(userId) ?? '';
  const parley = useOpenParley(userId, { url: `http://${query.get('gateway')}`, userId, getToken });
  if (parley === undefined) {
    window.rendered.push('none');
    return null;
  }
  return createElement(ParleyProvider, { parley }, createElement(Shown));
}

createRoot(document.body).render(createElement(StrictMode, undefined, createElement(App)));
