import { parseArgs } from 'node:util';

export interface Arguments {
  /** The user. */
  readonly as: string;
  /** Gateway as host:port. */
  readonly target: string;
  /** Where drafts and devices are kept, and the dev key. */
  readonly data: string;
  /** A bearer token; undefined = one of the dev key. */
  readonly token: string | undefined;
  readonly tls: boolean;
  /** File with the authorities to trust (PEM); implies TLS. */
  readonly ca: string | undefined;
  /** Lines in, lines out, though there is a terminal. */
  readonly plain: boolean;
  readonly colour: boolean;
}

export const usage = `usage: npm run chat -- --as USER [OPTIONS]
  --as USER        who you are (with --token: as the token says)
  --target H:P     the gateway (PARLEY_TARGET, default 127.0.0.1:8080)
  --data FOLDER    drafts and devices are kept there, and the dev key that signs for you (PARLEY_DATA, default ./data)
  --token TOKEN    a token of your own (PARLEY_TOKEN) instead of the dev key
  --tls            with TLS; --ca FILE names the authorities to trust (PEM)
  --plain          lines in, lines out: also without a terminal, for scripts
  --no-colour      no colours (NO_COLOR)`;

/** Reads the command line. @throws Error with words for people */
export function parseArguments(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Arguments {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { as: text, target: text, data: text, token: text, ca: text, tls: flag, plain: flag, 'no-colour': flag },
  });
  const token = values.token ?? env['PARLEY_TOKEN'];
  const as = values.as ?? (token === undefined ? undefined : subjectOf(token));
  if (as === undefined || as === '') throw new Error('say who you are: --as USER');
  const target = values.target ?? env['PARLEY_TARGET'] ?? '127.0.0.1:8080';
  if (!/^.+:\d{1,5}$/u.test(target)) throw new Error(`--target is HOST:PORT, not ${target}`);
  return {
    as,
    target,
    data: values.data ?? env['PARLEY_DATA'] ?? 'data',
    token,
    tls: values.tls === true || values.ca !== undefined,
    ca: values.ca,
    plain: values.plain === true,
    colour: values['no-colour'] !== true && (env['NO_COLOR'] ?? '') === '',
  };
}

/** Whom a token is for; undefined when it cannot be read: the server says what is wrong with it. */
function subjectOf(token: string): string | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const sub = (claims as { sub?: unknown } | null)?.sub;
    return typeof sub === 'string' ? sub : undefined;
  } catch {
    return undefined;
  }
}
