// The nodes' program as it was in an older commit, in a folder of its own with the packages of this one.
import { execFile } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

/** `ref`: default the last release's tag. Undefined when there is none. Throws when git does not know it. */
export async function olderRelease(ref: string | undefined, folder: string): Promise<string | undefined> {
  const commit = ref ?? (await lastRelease());
  if (commit === undefined) return undefined;
  await mkdir(folder, { recursive: true });
  const archive = path.join(folder, 'release.tar');
  await run('git', ['archive', '--output', archive, commit], { cwd: root });
  await run('tar', ['--extract', '--file', archive], { cwd: folder });
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  await run(process.execPath, ['platform/gen.ts'], { cwd: folder });
  return path.join(folder, 'server/main.ts');
}

async function lastRelease(): Promise<string | undefined> {
  const tag = ['describe', '--tags', '--abbrev=0', '--match', 'v[0-9]*'];
  const { stdout } = await run('git', tag, { cwd: root }).catch(() => ({ stdout: '' }));
  return stdout.trim() === '' ? undefined : stdout.trim();
}
