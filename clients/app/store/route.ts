import { Cell } from './cell.ts';

/** What is on screen, as the address says it. */
export type Route =
  | { readonly kind: 'home' }
  | { readonly kind: 'thread'; readonly threadId: string }
  | { readonly kind: 'live'; readonly channelId: string };

function routeOf(path: string): Route {
  const [, thread] = /^\/t\/([A-Za-z0-9_-]{1,64})$/.exec(path) ?? [];
  if (thread !== undefined) return { kind: 'thread', threadId: thread };
  const [, channel] = /^\/live\/([A-Za-z0-9._:-]{1,128})$/.exec(path) ?? [];
  return channel === undefined ? { kind: 'home' } : { kind: 'live', channelId: channel };
}

function pathOf(route: Route): string {
  if (route.kind === 'home') return '/';
  return route.kind === 'thread' ? `/t/${route.threadId}` : `/live/${route.channelId}`;
}

/** What a page of the history says of itself. */
interface Placed {
  /** Before it, the list was open. */
  readonly overHome: boolean;
}

/** The address bar as a view. */
export class Router {
  readonly route: Cell<Route>;
  readonly #stop = new AbortController();

  constructor() {
    this.route = new Cell(routeOf(location.pathname));
    const { signal } = this.#stop;
    addEventListener('popstate', () => this.route.set(routeOf(location.pathname)), { signal });
  }

  go(route: Route, how: 'push' | 'replace' = 'push'): void {
    const path = pathOf(route);
    if (path === location.pathname) return;
    if (how === 'push') history.pushState({ overHome: this.route.get().kind === 'home' } satisfies Placed, '', path);
    else history.replaceState(history.state, '', path);
    this.route.set(route);
  }

  /** To the list: where it was opened from there, as the browser's own way back goes, which then leads out of the list and not in again. */
  home(): void {
    if ((history.state as Placed | null)?.overHome !== true) return this.go({ kind: 'home' }, 'replace');
    // At once: a second touch must not lead further back.
    this.route.set({ kind: 'home' });
    history.back();
  }

  close(): void {
    this.#stop.abort();
  }
}
