// `npm run token -- alice [--name "Alice"] [--ttl 24h] [--data ./data]`: prints a token signed by the data folder's dev
// key, and makes the key when there is none. Standard output holds the token alone, for `$(npm run -s token -- alice)`.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openDevKey } from '../server/auth/dev-key.ts';
import { systemClock } from '../server/core/clock.ts';
import { parseDuration } from './duration.ts';

const usage = `usage: npm run token -- USER [OPTIONS]
  --name TEXT      display name in the token
  --ttl TIME       how long it is good for, as 30m, 24h (default) or 7d; at most 366d
  --device ID      binds the token to one device
  --data FOLDER    whose dev key signs (PARLEY_DATA, default ./data)`;

try {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { name: text, ttl: text, device: text, data: text },
  });
  const [user, ...more] = positionals;
  if (user === undefined || more.length > 0) throw new Error('give one user');
  const folder = path.resolve(values.data ?? process.env['PARLEY_DATA'] ?? 'data');
  const key = await openDevKey(path.join(folder, 'auth'), systemClock);
  const token = await key.sign(user, {
    ttlS: parseDuration(values.ttl ?? '24h'),
    ...(values.name === undefined ? {} : { name: values.name }),
    ...(values.device === undefined ? {} : { deviceId: values.device }),
  });
  console.log(token);
} catch (error) {
  console.error(`parley: ${(error as Error).message}\n\n${usage}`);
  process.exitCode = 2;
}
