import type { Entry } from '#proto/parley/v1/entry.ts';
import type { Cluster } from './cluster.ts';
import type { Asked, Ledger } from './ledger.ts';
import type { Random } from './random.ts';
import { type SimDevice, textOf } from './sim-device.ts';
import { calm, rough, type Weather } from './weather.ts';
import type { World } from './world.ts';

export interface Scene {
  readonly world: World;
  readonly random: Random;
  readonly weather: Weather;
  readonly cluster: Cluster;
  readonly users: readonly string[];
  readonly devices: readonly SimDevice[];
  readonly ledger: Ledger;
  ids: number;
}

type Action = (scene: Scene, device: SimDevice) => void;

/** How often each comes, as a multiple of the others. */
const actions: readonly (readonly [weight: number, action: Action])[] = [
  [24, send],
  [3, sendMany],
  [2, openDirect],
  [2, createGroup],
  [5, addMember],
  [4, removeMember],
  [2, leave],
  [4, editMessage],
  [2, deleteMessage],
  [6, markRead],
  [6, lookAtPositions],
  [2, subscribe],
  [4, breakStream],
  [2, restartDevice],
  [2, freeze],
  [5, crashNode],
  [4, cutBus],
  [3, changeWeather],
  [4, waitLong],
];

const totalWeight = actions.reduce((sum, [weight]) => sum + weight, 0);

/** Does something, by some device. */
export function act(scene: Scene): void {
  let left = scene.random.next() * totalWeight;
  const device = scene.random.pick(scene.devices);
  for (const [weight, action] of actions) {
    left -= weight;
    if (left < 0) return action(scene, device);
  }
}

function nextId(scene: Scene, what: string): string {
  scene.ids += 1;
  return `${what}-${scene.ids}`;
}

function send(scene: Scene, device: SimDevice): void {
  const [threadId] = pickOf(scene, device.threads);
  if (threadId !== undefined) device.send(threadId, nextId(scene, 'm'));
}

/** More than a window takes. */
function sendMany(scene: Scene, device: SimDevice): void {
  const [threadId] = pickOf(scene, device.threads);
  if (threadId === undefined) return;
  const count = scene.random.whole(3, 16);
  for (let n = 0; n < count; n += 1) device.send(threadId, nextId(scene, 'm'));
}

export function openDirect({ random, users }: Scene, device: SimDevice): void {
  const userId = random.pick(users.filter((user) => user !== device.userId));
  void device.ask(undefined, '/parley.v1.ThreadService/OpenDirectThread', { userId });
}

export function createGroup(scene: Scene, device: SimDevice): void {
  const { random, users } = scene;
  const request = {
    requestId: nextId(scene, 'group'),
    name: 'a group',
    memberIds: users.filter((user) => user !== device.userId && random.chance(0.6)),
    historyForNewMembers: random.chance(0.3),
  };
  void device.ask(undefined, '/parley.v1.GroupService/CreateGroup', request);
}

function addMember(scene: Scene, device: SimDevice): void {
  const [threadId] = pickOf(scene, groupsOf(device));
  if (threadId === undefined) return;
  const count = scene.random.chance(0.2) ? 2 : 1;
  const userIds = Array.from({ length: count }, () => scene.random.pick(scene.users));
  const request = { threadId, requestId: nextId(scene, 'add'), userIds };
  const asked = askedOf(device, threadId, request.requestId, 'memberAdded');
  void device.ask(asked, '/parley.v1.GroupService/AddMembers', request);
}

function removeMember(scene: Scene, device: SimDevice): void {
  const [threadId] = pickOf(scene, groupsOf(device));
  if (threadId === undefined) return;
  const request = { threadId, requestId: nextId(scene, 'remove'), userId: scene.random.pick(scene.users) };
  const asked = askedOf(device, threadId, request.requestId, 'memberRemoved');
  void device.ask(asked, '/parley.v1.GroupService/RemoveMember', request);
}

function leave(scene: Scene, device: SimDevice): void {
  const [threadId] = pickOf(scene, groupsOf(device));
  if (threadId === undefined) return;
  const request = { threadId, requestId: nextId(scene, 'leave') };
  const asked = askedOf(device, threadId, request.requestId, 'memberRemoved');
  void device.ask(asked, '/parley.v1.GroupService/LeaveGroup', request);
}

function editMessage(scene: Scene, device: SimDevice): void {
  const [target] = pickOf(scene, messagesOf(device));
  if (target === undefined) return;
  const id = nextId(scene, 'edit');
  const request = {
    threadId: target.threadId,
    clientMessageId: id,
    targetSequence: target.sequence,
    content: { body: { $case: 'text', value: textOf(id) } as const, contentType: '' },
    mentionIds: [],
    attachments: [],
    deviceId: '',
  };
  const asked = askedOf(device, target.threadId, id, 'messageEdited');
  void device.ask(asked, '/parley.v1.MessageService/EditMessage', request);
}

function deleteMessage(scene: Scene, device: SimDevice): void {
  const [target] = pickOf(scene, messagesOf(device));
  if (target === undefined) return;
  const { threadId, sequence: targetSequence } = target;
  const request = { threadId, clientMessageId: nextId(scene, 'delete'), targetSequence, deviceId: '' };
  const asked = askedOf(device, threadId, request.clientMessageId, 'messageDeleted');
  void device.ask(asked, '/parley.v1.MessageService/DeleteMessage', request);
}

function markRead(scene: Scene, device: SimDevice): void {
  const [threadId] = pickOf(scene, device.threads);
  if (threadId !== undefined) device.markRead(threadId);
}

function lookAtPositions(scene: Scene, device: SimDevice): void {
  const { world, ledger } = scene;
  const [threadId] = pickOf(scene, device.threads);
  if (threadId === undefined) return;
  const request = { threadId, pageSize: 0, pageToken: '' };
  const look = async (): Promise<void> => {
    const answer = await device.ask(undefined, '/parley.v1.ReceiptService/ListReceipts', request);
    for (const { userId, deliveredSequence: delivered, readSequence: read } of answer?.receipts ?? []) {
      ledger.seen.push({ threadId, userId, delivered, read, askedMs, answeredMs: world.nowMs });
    }
  };
  const askedMs = world.nowMs;
  void look();
}

function subscribe(scene: Scene, device: SimDevice): void {
  const [threadId] = pickOf(scene, device.threads);
  if (threadId === undefined) return;
  if (scene.random.chance(0.3)) device.client.unsubscribe(threadId);
  else device.client.subscribe(threadId).catch(() => undefined);
}

function breakStream({ random, world }: Scene, device: SimDevice): void {
  const how = random.pick(['both', 'both', 'client', 'node'] as const);
  world.note(`the line of ${device.name} breaks: ${how}`);
  device.carrier.break(how);
}

function restartDevice(_scene: Scene, device: SimDevice): void {
  device.restart();
}

function freeze({ random, world }: Scene, device: SimDevice): void {
  const { carrier } = device;
  carrier.freeze();
  world.note(`${device.name} reads nothing`);
  world.after(random.between(500, 8_000), () => carrier.thaw());
}

/** At once, or between two writes. */
function crashNode({ random, cluster }: Scene): void {
  const afterWrites = random.chance(0.3) ? 0 : random.whole(1, 6);
  cluster.crash(random.whole(0, cluster.size - 1), afterWrites, random.between(100, 6_000));
}

function cutBus({ random, cluster, world }: Scene): void {
  const node = cluster.node(random.whole(0, cluster.size - 1));
  if (node === undefined || !node.life.alive) return;
  world.note(`the bus of ${node.life.name} is cut`);
  node.bus.cut();
  world.after(random.between(100, 6_000), () => node.bus.mend());
}

function changeWeather({ random, weather, world }: Scene): void {
  const slowness = random.chance(0.2) ? random.whole(20, 200) : random.whole(1, 4);
  Object.assign(weather, random.chance(0.6) ? rough : calm, { slowness });
  world.note(`weather: ${JSON.stringify(weather)}`);
}

/** So that heartbeats, checks and time-outs fall among the actions. */
function waitLong({ world, random }: Scene): void {
  pauses.set(world, random.between(2_000, 30_000));
}

const pauses = new WeakMap<World, number>();

/** How long to wait before the next action, in ms. */
export function pauseAfter({ world, random }: Scene): number {
  const longMs = pauses.get(world) ?? 0;
  pauses.delete(world);
  return longMs + (random.chance(0.5) ? random.between(0, 30) : random.between(30, 600));
}

function askedOf({ userId }: SimDevice, threadId: string, id: string, kind: Asked['kind']): Asked {
  return { userId, threadId, id, kind, outcome: 'open', sequence: 0n };
}

function pickOf<Item>({ random }: Scene, items: readonly Item[]): Item[] {
  return items.length === 0 ? [] : [random.pick(items)];
}

function groupsOf(device: SimDevice): string[] {
  return device.threads.filter((threadId) => threadId.startsWith('g_'));
}

/** Messages that the user may change: mostly their own. */
function messagesOf(device: SimDevice): { threadId: string; sequence: bigint }[] {
  const isOwn = ({ kind, senderId }: Entry): boolean => kind?.$case === 'message' && senderId === device.userId;
  return [...device.told.threads].flatMap(([threadId, entries]) =>
    entries.filter(isOwn).map(({ sequence }) => ({ threadId, sequence })),
  );
}
