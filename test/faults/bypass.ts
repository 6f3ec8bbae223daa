// Whether every connection between the parts goes through a line: one that does not would be spared by the faults.
import { readdir, readFile, readlink } from 'node:fs/promises';
import type { Rig } from './rig.ts';

/** Connections that go around the lines, in words. */
export async function bypasses(rig: Rig): Promise<string[]> {
  const portOf = (address: string): number => Number(address.split(':').at(-1));
  const nodePorts = rig.nodes.map((node) => portOf(node.address));
  const behind = new Map<number, string>();
  for (const { port } of rig.redis) behind.set(port, 'Redis');
  for (const point of rig.cluster.cassandra.contactPoints) behind.set(portOf(point), 'Cassandra');
  for (const port of nodePorts) behind.set(port, 'a node');
  const processes = [...rig.nodes.map(({ id, pid }) => [id, pid] as const), ['Envoy', rig.gateway.child.pid] as const];
  const found: string[] = [];
  for (const [name, pid] of processes) {
    for (const port of await dialled(pid)) {
      const what = behind.get(port);
      if (what !== undefined) found.push(`${name} speaks to ${what} on ${port} itself`);
    }
  }
  return found;
}

/** Remote ports of a process's TCP connections. */
async function dialled(pid: number): Promise<number[]> {
  const inodes = new Set<string>();
  for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  const ports: number[] = [];
  for (const table of ['tcp', 'tcp6']) {
    const text = await readFile(`/proc/${pid}/net/${table}`, 'utf8').catch(() => '');
    for (const row of text.split('\n').slice(1)) {
      const [, , remote, , , , , , , inode] = row.trim().split(/\s+/);
      const port = Number.parseInt(remote?.split(':').at(-1) ?? '', 16);
      if (inode !== undefined && inodes.has(inode) && port > 0) ports.push(port);
    }
  }
  return ports;
}
