// `npm run token -- alice [--name "Alice"] [--ttl 24h] [--data ./data]`, or `npm run token -- --service crm --scopes threads,messages`: prints a
// token signed by the data folder's dev key, and makes the key when there is none. Standard output holds the token alone, for
// `$(npm run -s token -- alice)`.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type DevKey, openDevKey } from '../server/auth/dev-key.ts';
import { systemClock } from '../server/core/clock.ts';
import { parseDuration } from './duration.ts';

const usage = `usage: npm run token -- USER [OPTIONS]
  --name TEXT      display name in the token
  --ttl TIME       how long it is good for, as 30m, 24h (default) or 7d; at most 366d
  --device ID      binds the token to one device
  --data FOLDER    whose dev key signs (PARLEY_DATA, default ./data)
or, for another service: npm run token -- --service NAME --scopes LIST [--ttl TIME] [--data FOLDER]
  --scopes LIST    what it may do, comma separated: channels, comments, threads, messages,
                   notifications, users, tokens`;

const text = { type: 'string' } as const;
const options = { name: text, ttl: text, device: text, data: text, service: text, scopes: text };
type Values = { readonly [Name in keyof typeof options]?: string };

function sign(key: DevKey, user: string | undefined, values: Values): Promise<string> {
  const { name, device: deviceId, service, scopes } = values;
  const ttlS = parseDuration(values.ttl ?? '24h');
  if (service === undefined) {
    if (user === undefined) throw new Error('give one user, or --service NAME');
    if (scopes !== undefined) throw new Error('--scopes is for a service');
    return key.sign(user, {
      ttlS,
      ...(name === undefined ? {} : { name }),
      ...(deviceId === undefined ? {} : { deviceId }),
    });
  }
  if (user !== undefined) throw new Error('give one user or a service, not both');
  if (scopes === undefined) throw new Error('--scopes is missing: what may the service do?');
  return key.signService(service, { ttlS, scope: scopes.replaceAll(',', ' ') });
}

try {
  const { values, positionals } = parseArgs({ allowPositionals: true, options });
  const [user, ...more] = positionals;
  if (more.length > 0) throw new Error('give one user');
  const folder = path.resolve(values.data ?? process.env['PARLEY_DATA'] ?? 'data');
  const key = await openDevKey(path.join(folder, 'auth'), systemClock);
  console.log(await sign(key, user, values));
} catch (error) {
  console.error(`parley: ${(error as Error).message}\n\n${usage}`);
  process.exitCode = 2;
}
