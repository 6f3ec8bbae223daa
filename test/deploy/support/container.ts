// Runs a program of an image as a container engine would: in a root of its own that is read-only, with /data in memory, as
// the image's user, without a way to get privileges. The machine lends its libraries, since an image's base is not here.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { startChild } from '../../../platform/child.ts';
import type { Child } from '../../../platform/child.ts';
import type { Image } from './dockerfile.ts';

const lent = ['usr', 'bin', 'lib', 'lib64', 'etc', 'dev', 'proc'];

/** Mounts last as long as the process. Nothing but `exec` stands between it and signals. */
const script = `
root=$1; uid=$2; gid=$3; workdir=$4; node=$5; shift 5
mount --make-rprivate /
mount --bind "$root" "$root"
for name in ${lent.join(' ')}; do mount --rbind "/$name" "$root/$name"; done
mount --bind "$node" "$root/opt"
mount -t tmpfs -o "uid=$uid,gid=$gid,mode=0700" tmpfs "$root/data"
mount -o remount,bind,ro "$root"
exec chroot "$root" sh -c 'cd "$1"; shift; exec "$@"' sh "$workdir" \
  setpriv --reuid="$uid" --regid="$gid" --clear-groups --no-new-privs --bounding-set=-all "$@"
`;

export interface ContainerOptions {
  readonly name: string;
  /** In place of the image's CMD. */
  readonly cmd?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
}

/** Needs root. */
export async function startContainer(image: Image, { name, cmd, env, onLine }: ContainerOptions): Promise<Child> {
  for (const folder of [...lent, 'opt']) mkdirSync(path.join(image.folder, folder), { recursive: true });
  const [uid = '', gid = uid] = image.user.split(':');
  const node = path.dirname(process.execPath);
  const program = [...image.entrypoint, ...(cmd ?? image.cmd)];
  return startChild({
    name,
    command: 'unshare',
    args: ['--mount', 'sh', '-ec', script, 'sh', image.folder, uid, gid, image.workdir, node, ...program],
    cwd: '/',
    env: { PATH: '/opt:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...image.env, ...env },
    ...(onLine === undefined ? {} : { onLine }),
  });
}
