import { beforeEach, expect, test } from 'vitest';
import { Channel, ListCommentsResponse } from '#proto/parley/v1/channel_service.ts';
import { CommentBatch } from '#proto/parley/v1/stream_service.ts';
import { settled } from '../../test/support/manual-runtime.ts';
import { MemoryDatabase } from '../../test/support/memory-database.ts';
import { refusal } from '../../test/support/scripted-carrier.ts';
import { ScriptedClient } from '../../test/support/scripted-client.ts';
import * as Code from '../core/codes.ts';
import { channelView } from './channel.ts';
import type { ChannelView } from './channel.ts';
import type { Parley } from './parley.ts';
import { Parts } from './parts.ts';
import { Keeper } from './storage/keeper.ts';

let scripted: ScriptedClient;
let view: ChannelView;
/** What the channel keeps; a refusal instead. */
let history: readonly number[] | Error;

beforeEach(async () => {
  scripted = new ScriptedClient();
  const { client, carrier, runtime } = scripted;
  history = [];
  carrier.answer = () => {
    if (history instanceof Error) throw history;
    const comments = history.map((number) => ({ number: BigInt(number), text: `of ${number}` }));
    return ListCommentsResponse.fromPartial({ comments, epoch: 1n });
  };
  await scripted.live();
  const parts = new Parts(client, new Keeper(new MemoryDatabase(runtime), runtime, {}), runtime);
  view = channelView({ parts } as Parley, 'c');
});

/** The node takes the last Subscribe, and says where the channel stands. */
async function heard(published: number, historyCount = 100): Promise<void> {
  const { last } = scripted.carrier;
  last.tell({ $case: 'reply', value: { requestId: last.of('subscribe').at(-1)!.requestId, result: undefined } });
  const channel = Channel.fromPartial({ channelId: 'c', epoch: 1n, publishedCount: BigInt(published), historyCount });
  last.tell({ $case: 'channelChanged', value: { channel } });
  await settled();
}

function says(number: number): void {
  const at = BigInt(number);
  const comments = [{ number: at }];
  const value = CommentBatch.fromPartial({ channelId: 'c', epoch: 1n, comments, fromNumber: at, toNumber: at });
  scripted.carrier.last.tell({ $case: 'commentBatch', value });
}

function shown(): number[] {
  return view.get().comments.map(({ number }) => Number(number));
}

test('a channel that is come back to shows what was said meanwhile, and nothing that was deleted meanwhile', async () => {
  const stop = view.subscribe(() => undefined);
  history = [1, 2];
  await heard(2);
  says(3);
  expect(shown()).toEqual([1, 2, 3]);
  stop();
  await scripted.runtime.advance(2000);
  expect(scripted.carrier.last.of('unsubscribe')).toHaveLength(1);
  view.subscribe(() => undefined);
  history = [1, 3, 4, 5];
  await heard(5);
  says(6);
  expect(shown()).toEqual([1, 3, 4, 5, 6]);
});

test('a change of the channel has nothing read again', async () => {
  view.subscribe(() => undefined);
  history = [1];
  await heard(1);
  await heard(1);
  expect(scripted.carrier.calls).toHaveLength(1);
});

test('why it was not heard is told no longer once it is', async () => {
  const stop = view.subscribe(() => undefined);
  const { last } = scripted.carrier;
  const status = { code: Code.FAILED_PRECONDITION, message: 'there is none', details: [] };
  const { requestId } = last.of('subscribe')[0]!;
  last.tell({ $case: 'reply', value: { requestId, result: { $case: 'error', value: status } } });
  await settled();
  expect(view.get().error).toMatchObject({ code: Code.FAILED_PRECONDITION });
  stop();
  await scripted.runtime.advance(2000);
  view.subscribe(() => undefined);
  await heard(0);
  expect(view.get().error).toBeUndefined();
});

test('a history that could not be read is read when the channel is told of again', async () => {
  view.subscribe(() => undefined);
  history = refusal('BROKEN', Code.FAILED_PRECONDITION);
  await heard(1);
  expect(view.get().error).toMatchObject({ reason: 'BROKEN' });
  history = [1];
  await heard(1);
  expect([shown(), view.get().error]).toEqual([[1], undefined]);
});
