import { describe, expect, test } from 'vitest';
import { readArgs, readBenches, UsageError } from './args.ts';

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

  test('a channel is heard in full by all, unless told otherwise', () => {
    expect(readArgs(['fanout', '--channel', '--rate', '250'])).toMatchObject({
      bench: 'channel',
      listeners: 1000,
      rate: 250,
      senders: 3,
      class: 'everything',
      maxRate: 0,
      slowReaders: 0,
      highest: false,
    });
    const sampled = ['--class', 'sampled', '--max-rate', '20', '--slow-readers', '0.1', '--nodes', '2', '--highest'];
    expect(readArgs(['fanout', '--channel', ...sampled])).toMatchObject({
      class: 'sampled',
      maxRate: 20,
      slowReaders: 0.1,
      nodes: 2,
      highest: true,
    });
  });

  test('lists of a fanout are runs of their own, in every combination', () => {
    const runs = readBenches(['fanout', '--channel', '--rate', '100,400', '--listeners', '10,20', '--size', '300']);
    expect(runs.map((run) => run.bench === 'channel' && [run.listeners, run.rate, run.senders])).toEqual([
      [10, 100, 1],
      [10, 400, 4],
      [20, 100, 1],
      [20, 400, 4],
    ]);
    expect(readBenches(['pairs'])).toEqual([readArgs(['pairs'])]);
  });

  test('pairs talk beside a channel when its rate is given', () => {
    expect(readArgs(['pairs'])).toMatchObject({ besideRate: undefined });
    expect(readArgs(['pairs', '--beside-channel', '300', '--channel-listeners', '50'])).toMatchObject({
      besideRate: 300,
      channelListeners: 50,
    });
  });

  test.each([
    [['fanout', '--class', 'latest'], '--class is for fanout --channel'],
    [['fanout', '--channel', '--class', 'some'], '--class takes everything, sampled or latest, not "some"'],
    [['fanout', '--channel', '--max-rate', '5'], '--max-rate is for --class sampled'],
    [['fanout', '--channel', '--slow-readers', '1'], '--slow-readers takes a share from 0 to below 1'],
    [['fanout', '--channel', '--size', '2001'], 'a comment has at most 2000 bytes'],
    [['fanout', '--rate', '100,many'], '--rate must be a whole number from 1 to 100000, not "many"'],
    [['pairs', '--size', '100,200'], '--size must be a whole number'],
    [['pairs', '--channel-listeners', '3'], '--channel-listeners is for --beside-channel'],
    [['pairs', '--channel'], '--channel is not for pairs'],
    [['pairs', '--nodes', '10'], '--nodes must be a whole number from 1 to 9'],
    [[], 'which bench? connections, fanout, pairs, append, away, web or report'],
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
    expect(() => readBenches(args)).toThrow(UsageError);
    expect(() => readBenches(args)).toThrow(message);
  });
});
