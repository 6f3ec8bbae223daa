import { ParleyError } from '../../core/errors.ts';

/** What the deployment says, from /config.json: see server/web/web-port.ts. */
export interface Config {
  readonly dev: boolean;
  readonly tokenUrl: string;
  readonly signInUrl: string;
}

/** Who uses the app, and how tokens are had. */
export interface Account {
  readonly userId: string;
  readonly getToken: () => Promise<string>;
  /** What to show somebody who comes for the first time. */
  readonly demo: Demo | undefined;
}

export interface Demo {
  readonly threadId: string;
  readonly channelId: string;
}

const nameKey = 'parley.name';
/** gRPC's UNAUTHENTICATED and UNAVAILABLE. */
const [unauthenticated, unavailable] = [16, 14];

/** What is known before anything is shown. */
export interface Beginning {
  readonly config: Config;
  /** Undefined: nobody is signed in. */
  readonly account: Account | undefined;
}

/** Asks how to sign in, and does so where that needs nobody. Rejects when there is no answer. */
export async function begin(): Promise<Beginning> {
  const asked = readConfig();
  // While the answer is on its way: the first look at a page's storage is slow.
  const known = rememberedName();
  const config = await asked;
  const name = config.dev ? known : undefined;
  if (name !== undefined) return { config, account: await signInByName(config, name) };
  return { config, account: config.dev ? undefined : await signInBySession(config) };
}

async function readConfig(): Promise<Config> {
  const response = await fetch('/config.json', { credentials: 'same-origin' });
  if (!response.ok) throw new Error(`/config.json: ${response.status}`);
  return (await response.json()) as Config;
}

/** The name of the last sign-in with the dev key. `?as=alice` is for this tab only: so one browser can be several people. */
function rememberedName(): string | undefined {
  const asked = new URL(location.href).searchParams.get('as');
  if (asked !== null && asked !== '') {
    sessionStorage.setItem(nameKey, asked);
    history.replaceState(null, '', location.pathname);
  }
  return sessionStorage.getItem(nameKey) ?? localStorage.getItem(nameKey) ?? undefined;
}

export function rememberName(name: string | undefined): void {
  sessionStorage.removeItem(nameKey);
  if (name === undefined) localStorage.removeItem(nameKey);
  else localStorage.setItem(nameKey, name);
}

/** Signs in by a name, with the dev key. Rejects when the name will not do, or nobody answers. */
export async function signInByName(config: Config, name: string): Promise<Account> {
  const ask = async (): Promise<{ token: string; userId: string; demo?: Demo }> => {
    const response = await post(config.tokenUrl, JSON.stringify({ name }));
    const answer = (await response.json()) as { token: string; userId: string; demo?: Demo; error?: string };
    if (!response.ok) throw refused(response.status, answer.error ?? '');
    return answer;
  };
  const first = await ask();
  let kept: string | undefined = first.token;
  return {
    userId: first.userId,
    demo: first.demo,
    async getToken() {
      const token = kept ?? (await ask()).token;
      kept = undefined;
      return token;
    },
  };
}

/** Signs in with what the deployment's own pages know of the user; undefined when they know nobody. */
async function signInBySession(config: Config): Promise<Account | undefined> {
  const ask = async (): Promise<string | undefined> => {
    const response = await fetch(config.tokenUrl, { credentials: 'include', cache: 'no-store' }).catch(unreachable);
    if (response.status === 401) return undefined;
    if (!response.ok) throw refused(response.status, '');
    return ((await response.json()) as { token: string }).token;
  };
  let kept = await ask();
  if (kept === undefined) return undefined;
  return {
    userId: subjectOf(kept),
    demo: undefined,
    async getToken() {
      const token = kept ?? (await ask());
      kept = undefined;
      if (token === undefined) throw refused(401, 'nobody is signed in');
      return token;
    },
  };
}

/** Where somebody signs in, and comes back from. */
export function signInPage({ signInUrl }: Config): string {
  const url = new URL(signInUrl, location.href);
  url.searchParams.set('return_to', location.href);
  return url.href;
}

async function post(url: string, body: string): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body }).catch(unreachable);
}

function unreachable(cause: unknown): never {
  throw new ParleyError({ reason: 'TOKEN_UNAVAILABLE', code: unavailable, message: 'no answer', cause });
}

function refused(status: number, message: string): ParleyError {
  const code = status >= 500 ? unavailable : unauthenticated;
  return new ParleyError({ reason: status === 400 ? 'INVALID_FIELD' : 'TOKEN_UNAVAILABLE', code, message });
}

function subjectOf(token: string): string {
  const [, payload = ''] = token.split('.');
  const bytes = Uint8Array.from(
    atob(payload.replaceAll('-', '+').replaceAll('_', '/')),
    (it) => it.codePointAt(0) ?? 0,
  );
  return (JSON.parse(new TextDecoder().decode(bytes)) as { sub?: string }).sub ?? '';
}
