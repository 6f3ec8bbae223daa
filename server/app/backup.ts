import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Config, ConfigError, readConfig } from '../config.ts';
import type { Clock } from '../core/clock.ts';
import type { BackupSource, BackupTarget } from '../store/backup.ts';
import { openBackupSource as openCassandraSource } from '../store/cassandra/backup-source.ts';
import { openBackupTarget as openCassandraTarget } from '../store/cassandra/backup-target.ts';
import { openBackupSource as openEmbeddedSource } from '../store/embedded/backup-source.ts';
import { openBackupTarget as openEmbeddedTarget } from '../store/embedded/backup-target.ts';
import { strangers } from '../strangers.ts';
import { cassandraOf } from './store.ts';

/** What a node needs and a backup does not. */
const unneeded = { PARLEY_JWKS: 'none', PARLEY_JWT_ISSUER: 'none', PARLEY_JWT_AUDIENCE: 'none' };
const progressEveryMs = 1_000;

export interface Asked {
  readonly file: string;
  readonly config: Config;
}

/**
 * Reads `--to FILE` or `--from FILE`, `--data FOLDER`, and the settings of the store, which are a node's.
 * @throws ConfigError with the usage
 */
export function readAsked(
  option: 'to' | 'from',
  usage: string,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Asked {
  let values: Partial<Record<string, string>>;
  try {
    const text = { type: 'string' } as const;
    ({ values } = parseArgs({ args: [...args], options: { [option]: text, data: text } }));
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}\n\n${usage}`);
  }
  const { [option]: file, data } = values;
  if (file === undefined) throw new ConfigError(`--${option} FILE is missing\n\n${usage}`);
  const known = Object.entries(environment).filter(([name]) => !strangers.includes(name));
  const config = readConfig({ ...unneeded, ...Object.fromEntries(known) });
  return { file: path.resolve(file), config: { ...config, PARLEY_DATA: storeFolder(data, config.PARLEY_DATA) } };
}

/** `npm start` keeps the store in a folder of its data folder. */
function storeFolder(data: string | undefined, setting: string): string {
  if (data !== undefined) return existsSync(path.join(data, 'format')) ? data : path.join(data, 'store');
  const inside = path.join(setting, 'store');
  return !existsSync(path.join(setting, 'format')) && existsSync(path.join(inside, 'format')) ? inside : setting;
}

export function openSource({ config }: Asked, clock: Clock): Promise<BackupSource> {
  if (config.PARLEY_STORE === 'embedded') return openEmbeddedSource(config.PARLEY_DATA);
  return openCassandraSource(cassandraOf(config, clock));
}

export function openTarget({ config }: Asked, clock: Clock): Promise<BackupTarget> {
  if (config.PARLEY_STORE === 'embedded') return openEmbeddedTarget(config.PARLEY_DATA);
  return openCassandraTarget(cassandraOf(config, clock));
}

/** A line a second at most. */
export function progressOf(clock: Clock): (line: () => string) => void {
  let nextMs = clock.monotonicMs() + progressEveryMs;
  return (line) => {
    if (clock.monotonicMs() < nextMs) return;
    nextMs = clock.monotonicMs() + progressEveryMs;
    process.stdout.write(`${line()}\n`);
  };
}

/** Ends the process: 78 for wrong options and settings, as a node does, else 1. */
export function failWith(error: unknown): never {
  process.stderr.write(`parley: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof ConfigError ? 78 : 1);
}
