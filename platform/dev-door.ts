// Who types a name on this machine gets a token for it: what the web app signs in by while the dev key is in use. It belongs
// to the launcher, which has that key; a node knows nothing of it. Reached through the gateway under /dev/, from loopback alone.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials } from '@grpc/grpc-js';
import { PeopleServiceService as people } from '#proto/parley/v1/people_service.ts';
import type { DevKey } from '../server/auth/dev-key.ts';
import { listenHttp } from '../server/http-port.ts';
import type { Demo } from './demo/demo.ts';
import { unary } from './unary.ts';

export interface DevDoor extends AsyncDisposable {
  /** host:port, for the gateway. */
  readonly address: string;
}

const maxBodyBytes = 1_024;
const tokenS = 3_600;
/** Below the gateway's time for it. */
const demoMs = 8_000;

/** What POST /dev/sign-in answers; the request is `{"name": "Alice"}`. */
interface SignedIn {
  readonly token: string;
  readonly userId: string;
  readonly name: string;
  /** What to show first; absent without a demo, or while it cannot be had. */
  readonly demo?: { readonly threadId: string; readonly channelId: string };
}

/** What signing in also does, as far as it can. */
export interface Welcome {
  /** Has others see a user under the name that the token says. */
  introduce(userId: string, token: string): Promise<void>;
  /** Undefined: none is offered. */
  readonly demo: Demo | undefined;
}

export async function openDevDoor(key: DevKey, welcome: () => Welcome): Promise<DevDoor> {
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const refusal = refusalOf(request);
    const answer = async (): Promise<[number, object]> => {
      if (refusal !== undefined) return [403, { error: refusal }];
      if (request.url !== '/dev/sign-in') return [404, { error: 'There is POST /dev/sign-in.' }];
      const name = nameIn(await bodyOf(request));
      if (name === undefined) return [400, { error: 'Give a name of 1 to 60 characters: {"name": "Alice"}.' }];
      return [200, await signIn(key, welcome(), name)];
    };
    answer().then(
      ([status, body]) => {
        response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
        response.end(JSON.stringify(body));
      },
      () => response.destroy(),
    );
  };
  const port = await listenHttp(listener, { host: '127.0.0.1', port: 0 });
  return { address: port.address, [Symbol.asyncDispose]: () => port.close() };
}

async function signIn(key: DevKey, welcome: Welcome, name: string): Promise<SignedIn> {
  // `npm run chat -- --as alice` and Alice of the web are one user.
  const userId = name.toLowerCase().replaceAll(/\s+/g, '-');
  const token = await key.sign(userId, { name, ttlS: tokenS });
  // First the name: who is in the group already asks for it once.
  await welcome.introduce(userId, token).catch(() => {});
  // At the very first start it may still be in the making: then one comes in without it, and finds it in the list later.
  const late = sleep(demoMs, undefined, { ref: false });
  const shown = await Promise.race([welcome.demo?.welcome(userId).catch(() => undefined), late]);
  return { token, userId, name, ...(shown === undefined ? {} : { demo: shown }) };
}

/** Makes a first call of the user's: the node keeps what their token says they are called. `node`: host:port. */
export async function introduce(node: string, userId: string, token: string): Promise<void> {
  const client = new Client(node, credentials.createInsecure());
  try {
    await unary(client, people.batchGetProfiles, { userIds: [userId] }, token);
  } finally {
    client.close();
  }
}

function nameIn(body: string): string | undefined {
  try {
    const { name } = JSON.parse(body) as { name?: unknown };
    if (typeof name !== 'string') return undefined;
    const tidy = name.normalize('NFC').replaceAll(/\s+/g, ' ').trim();
    // The characters that no user id has.
    return tidy !== '' && tidy.length <= 60 && !/\p{Cc}|\p{Cf}|\p{Cs}/u.test(tidy) ? tidy : undefined;
  } catch {
    return undefined;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > maxBodyBytes) break;
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

/**
 * Why a request is not answered; undefined = it is. The gateway says from where it came, in `x-parley-from`. A page of elsewhere gets nothing: neither under a name of its own that leads here, nor by a form.
 */
export function refusalOf(request: Pick<IncomingMessage, 'method' | 'headers'>): string | undefined {
  const { headers, method } = request;
  const from = String(headers['x-parley-from'] ?? '');
  if (!isLoopback(from)) return 'Tokens of the dev key are given on this machine only.';
  if (!isLoopback(hostOf(`http://${headers.host ?? ''}`)))
    return 'Ask under a name of this machine: localhost or 127.0.0.1.';
  if (headers.origin !== undefined && !isLoopback(hostOf(headers.origin))) return 'Pages of this machine only may ask.';
  if (method !== 'POST' || !String(headers['content-type']).startsWith('application/json'))
    return 'POST application/json.';
  return undefined;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[(.*)\]$/, '$1') : '';
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}
