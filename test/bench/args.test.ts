import { describe, expect, test } from 'vitest';
import { readArgs, UsageError } from './args.ts';

describe('arguments of the bench', () => {
  test('a bench alone gets its defaults', () => {
    expect(readArgs(['pairs'])).toMatchObject({ pairs: 100, thinkMs: 0, receipts: 'none', seconds: 20, direct: false });
    expect(readArgs(['connections'])).toMatchObject({ streams: 10_000, streamsPerConnection: 1, seconds: 60 });
  });

  test('a high rate is shared by more senders, as one user may not send that fast', () => {
    expect(readArgs(['fanout', '--rate', '450'])).toMatchObject({ senders: 5 });
    expect(readArgs(['fanout', '--rate', '450', '--senders', '2'])).toMatchObject({ senders: 2 });
  });

  test('streams share connections when they go to the node itself', () => {
    expect(readArgs(['connections', '--direct', '--streams', '100000'])).toMatchObject({ streamsPerConnection: 1000 });
  });

  test('a cluster syncs its commit log before it answers, unless told otherwise', () => {
    expect(readArgs(['pairs']).cluster).toBeUndefined();
    expect(readArgs(['pairs', '--cluster']).cluster).toBe('group');
    expect(readArgs(['fanout', '--cluster', '--commit-log', 'periodic']).cluster).toBe('periodic');
  });

  test('receipts come with the acks or after every message', () => {
    expect(readArgs(['pairs', '--receipts'])).toMatchObject({ receipts: 'sdk' });
    expect(readArgs(['pairs', '--receipts-each'])).toMatchObject({ receipts: 'each' });
  });

  test.each([
    [[], 'which bench?'],
    [['pears'], 'no bench is called "pears"'],
    [['pairs', '100'], '"100" after pairs means nothing'],
    [['pairs', '--listeners', '3'], '--listeners is not for pairs'],
    [['pairs', '--pairs', 'many'], '--pairs must be a whole number from 1 to 9000, not "many"'],
    [['pairs', '--receipts', '--receipts-each'], 'not both'],
    [['connections', '--streams', '100000'], '--streams must be a whole number from 1 to 19000'],
    [['pairs', '--commit-log', 'group'], '--commit-log is for --cluster'],
    [['pairs', '--cluster', '--commit-log', 'never'], '--commit-log takes group or periodic, not "never"'],
    [['fanout', '--peer', 'tinode'], 'no peer is called "tinode"'],
    [['fanout', '--rte', '3'], "Unknown option '--rte'"],
  ])('%j is refused with words', (args, message) => {
    expect(() => readArgs(args)).toThrow(UsageError);
    expect(() => readArgs(args)).toThrow(message);
  });
});
