// Ports: finding free ones, and saying who has one that is taken.
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer } from 'node:net';

/**
 * A port nobody listens on at the moment, below those that the kernel gives to outgoing connections (32768 and up by
 * default): otherwise a client's connection could take a node's port while the node restarts. No other process of this
 * machine is given it before this one ends.
 */
export async function freePort(address = '127.0.0.1', pick = (): number => randomInt(10_000, 32_000)): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = pick();
    if (await claim(port, address)) return port;
  }
  throw new Error(`no free port found on ${address}`);
}

/**
 * Whoever asks for a free port uses it a moment later, and others ask meanwhile. The claim is the UDP port of the same
 * number, which nothing here speaks: the kernel gives it to one process and takes it back when that process ends.
 * True = it is this process's.
 */
async function claim(port: number, address: string): Promise<boolean> {
  const socket = createSocket('udp4');
  const isMine = await new Promise<boolean>((resolve, reject) => {
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true));
  });
  socket.unref();
  if (isMine && (await isFree(port, address))) return true;
  socket.close();
  return false;
}

export async function isFree(port: number, address = '127.0.0.1'): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen({ port, host: address, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A port asked for is taken. The message says by whom. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}

/** Throws PortTakenError when somebody listens there. */
export async function refuseTaken(port: number, address: string): Promise<void> {
  if (await isFree(port, address)) return;
  throw new PortTakenError(`${address}:${port} is taken by ${(await whoListens(port)) ?? 'another process'}`);
}

/** "process 123 (node server.js)", as far as this user may see it; undefined when nobody can be named. */
export async function whoListens(port: number): Promise<string | undefined> {
  const inodes = await listeningInodes(port);
  if (inodes.size === 0) return undefined;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined && inodes.has(inode)) return `process ${pid} (${await commandOf(pid)})`;
    }
  }
  return 'a process of another user';
}

async function listeningInodes(port: number): Promise<Set<string>> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const table = await readFile(file, 'utf8').catch(() => '');
    for (const row of table.split('\n').slice(1)) {
      const [, local, , state, , , , , , inode] = row.trim().split(/\s+/);
      // 0A is LISTEN.
      if (local?.endsWith(`:${hexPort}`) && state === '0A' && inode !== undefined) inodes.add(inode);
    }
  }
  return inodes;
}

async function commandOf(pid: string): Promise<string> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const command = line.split('\0').filter(Boolean).join(' ');
  return command.length > 100 ? `${command.slice(0, 99)}…` : command;
}
