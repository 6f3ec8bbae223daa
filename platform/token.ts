// `npm run token -- alice [--name "Alice"] [--ttl 24h] [--data ./data]`, or `npm run token -- --service crm --scopes threads,messages`: prints a
// token signed by the data folder's dev key, and makes the key when there is none. Standard output holds the token alone, for
// `$(npm run -s token -- alice)`.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type DevKey, openDevKey } from '../server/auth/dev-key.ts';
import { scopes as known } from '../server/auth/scopes.ts';
import { systemClock } from '../server/core/clock.ts';
import { parseDuration } from './duration.ts';

const usage = `usage: npm run token -- USER [OPTIONS]
  --name TEXT      display name in the token
  --ttl TIME       how long it is good for, as 30m, 24h (default) or 7d; at most 366d
  --device ID      binds the token to one device
  --data FOLDER    whose dev key signs (PARLEY_DATA, default ./data)
or, for another service: npm run token -- --service NAME --scopes LIST [--ttl TIME] [--data FOLDER]
  --scopes LIST    what it may do, comma separated: ${known.slice(0, 4).join(', ')},
                   ${known.slice(4).join(', ')}`;

const text = { type: 'string' } as const;
const options = { name: text, ttl: text, device: text, data: text, service: text, scopes: text };
type Values = { readonly [Name in keyof typeof options]?: string };

async function print(values: Values, users: readonly string[]): Promise<void> {
  const [user, ...more] = users;
  if (more.length > 0) throw new Error('give one user');
  const folder = path.resolve(values.data ?? process.env['PARLEY_DATA'] ?? 'data');
  const key = await openDevKey(path.join(folder, 'auth'), systemClock);
  console.log(await sign(key, user, values));
  if (key.isNew)
    console.error(`parley: made a new dev key in ${folder}; a Parley that runs with another folder refuses this token`);
}

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
  const wanted = scopes.split(/[\s,]+/).filter(Boolean);
  const wrong = wanted.find((scope) => !known.some((one) => one === scope));
  if (wrong !== undefined) throw new Error(`there is no scope "${wrong}"`);
  return key.signService(service, { ttlS, scope: wanted.join(' ') });
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { ...options, help: { type: 'boolean' } },
  });
  if (values.help === true) console.log(usage);
  else await print(values, positionals);
} catch (error) {
  console.error(`parley: ${(error as Error).message}\n\n${usage}`);
  process.exitCode = 2;
}
