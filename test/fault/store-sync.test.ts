// No append is answered before an fdatasync of the store's log that began after the append was handed over. Killing a process
// cannot show this, since the kernel keeps what was written; so the process runs under strace, which sees the order.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { ThreadId } from '../../server/core/ids.ts';
import { needs } from '../support/skip.ts';
import type { ChildWork } from './store-child.ts';

const child = fileURLToPath(import.meta.resolve('./store-child.ts'));

/** Lines of strace, of every thread in the order in which the kernel saw them. */
async function traced(work: ChildWork): Promise<string[]> {
  const trace = path.join(work.folder, 'trace');
  const args = ['-f', '-y', '-s', '200', '-e', 'trace=fdatasync,fsync,write', '-o', trace];
  const process_ = spawn('strace', [...args, process.execPath, child, JSON.stringify(work)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const code = await new Promise((resolve, reject) => process_.on('error', reject).on('close', resolve));
  expect(code).toBe(0);
  return (await readFile(trace, 'utf8')).split('\n');
}

/** Ids that were answered, and those among them that no fdatasync of a log covers. */
function judge(lines: readonly string[]): { answered: number; uncovered: string[]; syncs: number } {
  /** By id: the line on which it was handed over. */
  const handed = new Map<string, number>();
  /** By thread: the line on which its fdatasync began. */
  const begun = new Map<string, number>();
  /** The latest beginning of an fdatasync that has ended. */
  let covered = -1;
  let syncs = 0;
  const uncovered: string[] = [];
  let answered = 0;
  for (const [at, line] of lines.entries()) {
    const thread = line.split(' ', 1)[0] ?? '';
    const said = /write\(1<[^>]*>, "(\{.*\})\\n"/.exec(line)?.[1]?.replaceAll('\\"', '"');
    if (said !== undefined) {
      const promised = JSON.parse(said) as { handed?: string; id?: string };
      if (promised.handed !== undefined) handed.set(promised.handed, at);
      if (promised.id === undefined) continue;
      answered++;
      if ((handed.get(promised.id) ?? Infinity) > covered) uncovered.push(promised.id);
    }
    if (/fdatasync\(\d+<[^>]*\/db\/\d+\.log>/.test(line)) begun.set(thread, at);
    if (begun.has(thread) && /(fdatasync\(.*|fdatasync resumed.*)\)\s+= 0$/.test(line)) {
      covered = Math.max(covered, begun.get(thread) ?? -1);
      begun.delete(thread);
      syncs++;
    }
  }
  return { answered, uncovered, syncs };
}

needs('strace')('the fsync of an append', () => {
  const threads = Array.from({ length: 6 }, (_, at) => `g_thread-${at}` as ThreadId);
  const run = async (sync: boolean): Promise<ReturnType<typeof judge>> => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-sync-'));
    const verdict = judge(await traced({ folder, threads, appends: 60, run: 'run', sync }));
    await rm(folder, { recursive: true });
    expect(verdict.answered).toBe(threads.length * 60);
    return verdict;
  };

  test('ends before the append is answered, for every append', async () => {
    const { uncovered, syncs, answered } = await run(true);
    expect(uncovered).toEqual([]);
    // Appends share them.
    expect(syncs).toBeGreaterThan(0);
    expect(syncs).toBeLessThan(answered);
  });

  test('is missed by this test when it is left out', async () => {
    const { uncovered, answered } = await run(false);
    expect(uncovered.length).toBe(answered);
  });
});
