import { expect, test } from 'vitest';
import { Presence, PresenceState } from '#proto/parley/v1/presence.ts';
import { Thread } from '#proto/parley/v1/thread.ts';
import { settled } from '../../test/support/manual-runtime.ts';
import { ScriptedClient } from '../../test/support/scripted-client.ts';
import { Chat } from './chat.ts';

test('however much is heard of somebody who is hidden, they are asked for once more, not at each message', async () => {
  const scripted = new ScriptedClient();
  const { carrier, client, thread } = scripted;
  carrier.answer = (path) => {
    if (!path.endsWith('/ListThreads')) return {};
    return {
      threads: [Thread.fromPartial({ threadId: 't', kind: 1, peerId: 'bob' })],
      nextPageToken: '',
    };
  };
  const chat = new Chat(client, 'here');
  await scripted.live();
  await settled();
  await settled();
  expect(chat.rows.peers()).toEqual(['bob']);
  const reply = (): void => {
    const requestId = carrier.last.of('watchPresence').at(-1)?.requestId ?? 0n;
    carrier.last.tell({ $case: 'reply', value: { requestId, result: undefined } });
  };
  reply();
  const bob = Presence.fromPartial({ userId: 'bob', state: PresenceState.PRESENCE_STATE_HIDDEN });
  carrier.last.tell({ $case: 'presenceChanged', value: { presences: [bob] } });
  await settled();
  const before = carrier.last.of('watchPresence').length;
  carrier.last.tell(thread.post('bob', ...Array.from({ length: 300 }, (_, at) => `line ${at}`)));
  await settled();
  reply();
  await settled();
  reply();
  await settled();
  expect(carrier.last.of('watchPresence').length - before).toBeLessThanOrEqual(2);
  expect(carrier.last.of('watchPresence').length).toBeGreaterThan(before);
});
