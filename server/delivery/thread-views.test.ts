import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChatNode, Ids, callerOf, groupOf, openChatNode, post } from '../../test/support/chat-node.ts';
import { StoreGate } from '../../test/support/store-gate.ts';
import { threadLog, type ThreadId, type UserId } from '../core/ids.ts';
import { ThreadViews, type ThreadView } from './thread-views.ts';

let node: ChatNode;
let gate: StoreGate;
let ids: Ids;
/** Those of another node, which hears what it is told. */
let views: ThreadViews;

beforeEach(async () => {
  gate = new StoreGate();
  node = await openChatNode({ storeBehind: gate.behind });
  ids = new Ids();
  views = new ThreadViews(node.store, 100);
});
afterEach(() => node[Symbol.asyncDispose]());

async function apply(threadId: ThreadId, after: bigint): Promise<void> {
  const log = threadLog(threadId);
  const head = await node.store.head(log);
  if (head === undefined) throw new Error('no such thread');
  const entries = await node.store.entries(log, { after, upTo: head.sequence, limit: 100 });
  views.apply(threadId, entries, head);
}

const rename = (threadId: ThreadId, name: string): Promise<bigint> =>
  node.chat.groups.update(callerOf('alice'), threadId, ids.next(), { name, historyForNewMembers: undefined });
const shape = (view: ThreadView | undefined): unknown =>
  view && [[...view.members.keys()], view.info.name, view.head.sequence];

describe('A view of a thread', () => {
  it('is not there for a thread that is not', async () => {
    expect(await views.get('g_none' as ThreadId)).toBeUndefined();
  });

  it('follows the entries that it is told of', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    await views.get(threadId);
    await node.chat.groups.add(callerOf('alice'), threadId, ids.next(), ['carol' as UserId]);
    await node.chat.groups.remove(callerOf('alice'), threadId, ids.next(), 'bob' as UserId);
    await node.chat.groups.setRole(callerOf('alice'), threadId, ids.next(), 'carol' as UserId, 'admin');
    await rename(threadId, 'new');
    await apply(threadId, 1n);
    expect(shape(views.peek(threadId))).toEqual([['alice', 'carol'], 'new', 5n]);
    expect(views.peek(threadId)?.members.get('carol' as UserId)?.role).toBe('admin');
  });

  it('is read again when something between was not heard, whatever that was', async () => {
    const threadId = await groupOf(node, ids, 'alice');
    await views.get(threadId);
    await rename(threadId, 'new');
    await post(node, ids, 'alice', threadId, 'heard');
    await apply(threadId, 2n);
    expect(views.peek(threadId)).toBeUndefined();
    expect(shape(await views.get(threadId))).toEqual([['alice'], 'new', 3n]);
  });

  it('is read again after entries that end before the head that comes with them', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    await post(node, ids, 'alice', threadId, 'heard');
    await views.get(threadId);
    await node.chat.groups.remove(callerOf('alice'), threadId, ids.next(), 'bob' as UserId);
    const log = threadLog(threadId);
    const head = await node.store.head(log);
    if (head === undefined) throw new Error('no such thread');
    views.apply(threadId, await node.store.entries(log, { after: 1n, upTo: 2n, limit: 10 }), head);
    expect(shape(await views.get(threadId))).toEqual([['alice'], 'a group', 3n]);
  });

  it('is the latest where it is asked for, though nothing was heard of what changed', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    expect(shape(await views.latest(threadId))).toEqual([['alice', 'bob'], 'a group', 1n]);
    await node.chat.groups.remove(callerOf('alice'), threadId, ids.next(), 'bob' as UserId);
    expect(shape(await views.get(threadId))).toEqual([['alice', 'bob'], 'a group', 1n]);
    expect(shape(await views.latest(threadId))).toEqual([['alice'], 'a group', 2n]);
    expect(await views.latest('g_none' as ThreadId)).toBeUndefined();
  });

  it('is whole though the thread changes while it is read', async () => {
    const threadId = await groupOf(node, ids, 'alice');
    for (const method of ['head', 'row', 'rows'] as const) {
      const held = gate.hold(method);
      const read = views.refresh(threadId);
      await held.reached;
      await rename(threadId, `new while ${method} is read`);
      held.release();
      await read;
      await apply(threadId, (await read)?.head.sequence ?? 0n);
      expect(views.peek(threadId)?.info.name).toBe(`new while ${method} is read`);
    }
  });

  it('catches up with a head by the entries between, without its rows being read again', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    await views.get(threadId);
    await rename(threadId, 'new');
    await node.chat.groups.remove(callerOf('alice'), threadId, ids.next(), 'bob' as UserId);
    await post(node, ids, 'alice', threadId, 'missed');
    const rows = gate.hold('rows');
    await views.catchUp(threadId, await node.store.head(threadLog(threadId)));
    expect(shape(views.peek(threadId))).toEqual([['alice'], 'new', 4n]);
    rows.release();
  });

  it('catches up from nothing and from far behind by its rows', async () => {
    const threadId = await groupOf(node, ids, 'alice');
    await views.catchUp(threadId, await node.store.head(threadLog(threadId)));
    expect(shape(views.peek(threadId))).toEqual([['alice'], 'a group', 1n]);
    for (let n = 0; n < 260; n++) await post(node, ids, 'alice', threadId, `missed ${n}`);
    await views.catchUp(threadId, await node.store.head(threadLog(threadId)));
    expect(shape(views.peek(threadId))).toEqual([['alice'], 'a group', 261n]);
  });

  it('is as new as is asked', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    await views.get(threadId);
    const removal = await node.chat.groups.remove(callerOf('alice'), threadId, ids.next(), 'bob' as UserId);
    expect(shape(await views.get(threadId))).toEqual([['alice', 'bob'], 'a group', 1n]);
    expect(shape(await views.get(threadId, removal))).toEqual([['alice'], 'a group', 2n]);
  });
});
