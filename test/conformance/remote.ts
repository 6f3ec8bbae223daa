// A device that stands elsewhere, and what goes to it and comes back: text, which is JSON with 64-bit numbers.
import type { Device, Setting } from './device.ts';

export const methods = [
  'start',
  'stop',
  'told',
  'reopen',
  'thread',
  'send',
  'ack',
  'read',
  'tick',
  'watch',
  'lose',
  'kept',
  'refusal',
  'threads',
  'speak',
  'signOut',
] as const;

export type Method = (typeof methods)[number];

/** A device of whatever carrier. */
export type Remote = Pick<Device, Method>;

/** What a page is asked: to make its device, or to do something with it. `tokenPath`: where on its own origin it gets a token. */
export type Asked =
  | { readonly make: { readonly address: string; readonly setting: Setting; readonly tokenPath: string } }
  | { readonly method: Method; readonly args: readonly unknown[] };

export type Answered = { readonly value?: unknown } | { readonly error: string };

export function asText(said: Asked | Answered): string {
  return JSON.stringify(said, (_, part: unknown) => (typeof part === 'bigint' ? { bigint: String(part) } : part));
}

export function fromText<T extends Asked | Answered>(text: string): T {
  return JSON.parse(text, (_, part: unknown) => (isBigint(part) ? BigInt(part.bigint) : part)) as T;
}

function isBigint(part: unknown): part is { bigint: string } {
  return typeof part === 'object' && part !== null && 'bigint' in part;
}
