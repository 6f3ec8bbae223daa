import type { Ledger } from './ledger.ts';
import type { SimDevice } from './sim-device.ts';
import { type ThreadTruth, truthOf } from './truth.ts';

/** What the server says in the end of who has what, against what clients acknowledged and read. One device asks for each user. */
export async function wrongPositions(ledger: Ledger, devices: readonly SimDevice[]): Promise<string[]> {
  const { threads } = truthOf(ledger);
  const wrong: string[] = [];
  const asked = new Set<string>();
  for (const device of devices) {
    if (asked.has(device.userId)) continue;
    asked.add(device.userId);
    for (const truth of threads.values()) {
      if (truth.isMember(device.userId)) wrong.push(...(await wrongPositionsIn(ledger, device, truth)));
    }
  }
  return wrong;
}

async function wrongPositionsIn(ledger: Ledger, device: SimDevice, truth: ThreadTruth): Promise<string[]> {
  const { userId } = device;
  const { threadId, head } = truth;
  const page = { threadId, pageSize: 0, pageToken: '' };
  const receipts = await device.ask(undefined, '/parley.v1.ReceiptService/ListReceipts', page);
  const got = await device.ask(undefined, '/parley.v1.ThreadService/GetThread', { threadId });
  const own = receipts?.receipts.find((receipt) => receipt.userId === userId);
  if (own === undefined || got?.thread?.head === undefined) return [`lost: ${userId} cannot see ${threadId}`];
  const { deliveredSequence: delivered, readSequence: read } = own;
  const wrong: string[] = [];
  if (delivered !== head) wrong.push(`position: all of ${userId} have ${threadId} ${head}, delivered is ${delivered}`);
  const join = truth.audible(userId).at(-1)?.from ?? 1n;
  const said = ledger.read(userId, threadId, true);
  const most = [...truth.entries.values()].reduce(
    (highest, { sequence, senderId, kind }) => {
      const isOwn = senderId === userId && kind?.$case === 'message';
      const isJoin = kind?.$case === 'threadCreated' || (kind?.$case === 'memberAdded' && kind.value.userId === userId);
      return (isOwn || isJoin) && sequence > highest ? sequence : highest;
    },
    ledger.read(userId, threadId, false),
  );
  if (read < said) wrong.push(`position: ${userId} has read ${threadId} ${said}, read is ${read}`);
  if (read > most) wrong.push(`position: ${userId} has read ${threadId} ${most} at most, read is ${read}`);
  const { sequence, unreadCount, ordinal, readSequence } = got.thread.head;
  if (sequence !== head) wrong.push(`lost: ${threadId} stands at ${sequence}, not at ${head}`);
  if (ordinal !== truth.ordinal(head))
    wrong.push(`unread: ${threadId} has ${truth.ordinal(head)} messages, not ${ordinal}`);
  const since = readSequence > join ? readSequence : join;
  // With what was before for new members too, unread still begins where they came in.
  const unread = truth.ordinal(head) - truth.ordinal(readSequence === 0n ? 0n : since);
  if (unreadCount !== unread) {
    wrong.push(`unread: ${userId} has ${unread} after ${readSequence} of ${threadId}, not ${unreadCount}`);
  }
  return wrong;
}
