// People who talk all the while, for tests that break things meanwhile: a group and direct threads, several devices of one
// user, sends that do not wait for each other, and one author without the SDK. Nobody stops or helps them: they come back by
// themselves. Afterwards the checker of the replay judges what they were told, and the log as ListEntries gives it.
import { HistoryServiceService } from '#proto/parley/v1/history_service.ts';
import { MessageServiceService, SendMessageRequest } from '#proto/parley/v1/message_service.ts';
import type { Platform } from '../../platform/platform.ts';
import { until } from '../../platform/wait.ts';
import { Checker, type Verdict } from '../replay/checker.ts';
import type { ExpectedMessage, ExpectedThread } from '../replay/expected.ts';
import type { Client, HistoryRecord } from '../replay/history.ts';
import { Activity, Listening } from '../replay/listening.ts';
import { seeded } from '../replay/random.ts';
import { ChatDevice } from './chat-device.ts';
import { People, textContent } from './raw-people.ts';
import type { RawClient } from './raw-client.ts';

const devices: Readonly<Record<string, readonly string[]>> = {
  alice: ['phone', 'laptop', 'tablet'],
  bob: ['phone', 'laptop'],
  carol: ['phone'],
  dave: ['phone'],
  // Says what it says by plain calls, without the SDK, and listens with it.
  robot: ['screen'],
};

/** Who writes where. A user writes to a thread from one device only: else no order of theirs could be expected. */
const scene: readonly { label: string; members: readonly string[]; authors: readonly string[] }[] = [
  {
    label: 'team',
    members: ['alice', 'bob', 'carol', 'dave', 'robot'],
    authors: ['alice/phone', 'bob/phone', 'carol/phone', 'dave/phone', 'robot/call'],
  },
  { label: 'alice and bob', members: ['alice', 'bob'], authors: ['alice/laptop', 'bob/laptop'] },
  { label: 'alice and carol', members: ['alice', 'carol'], authors: ['alice/tablet', 'carol/phone'] },
  { label: 'carol and dave', members: ['carol', 'dave'], authors: ['carol/phone', 'dave/phone'] },
];

/** What `finish` gives when nothing was lost, doubled, moved or altered, and nothing was refused. */
export const faultless = { lost: 0, duplicated: 0, reordered: 0, altered: 0, findings: [], failures: [] };

export interface ChatLoadOptions {
  readonly seed: number;
  /** Each device's line to the gateway can be cut. */
  readonly breakable?: boolean;
  /** Sends of one author to one thread that wait for an answer; default 8. */
  readonly pipelined?: number;
  /** Drafts of one thread that a device has on their way; default 4. With 1 their order outlives a refusal. */
  readonly inFlight?: number;
  /** The robot gives up half of the calls that break instead of repeating them: those may be in the log or not. */
  readonly robotGivesUp?: boolean;
}

interface Room {
  readonly id: string;
  readonly expected: ExpectedThread;
  /** Sequence of the last message that was acknowledged. */
  last: number;
}

interface Author {
  readonly room: Room;
  readonly client: Client;
  /** Sends that wait for an answer at once. */
  readonly pipelined: number;
  /** The sequence, or undefined when it gave up. */
  readonly send: (ref: string, text: string) => Promise<number | undefined>;
}

export class ChatLoad implements AsyncDisposable {
  readonly devices: ChatDevice[] = [];
  /** Sends that were answered. */
  answered = 0;
  readonly #platform: Platform;
  readonly #options: ChatLoadOptions;
  readonly #people: People;
  readonly #rooms: Room[] = [];
  readonly #checker: Checker;
  readonly #expected: ExpectedThread[] = [];
  readonly #listening = new Listening();
  readonly #activity = new Activity(() => performance.now());
  readonly #failures: string[] = [];
  readonly #waiters = new Set<() => void>();
  readonly #writing: Promise<void>[] = [];
  #robot: RawClient | undefined;
  #stopped = false;

  private constructor(platform: Platform, options: ChatLoadOptions) {
    this.#platform = platform;
    this.#options = options;
    this.#people = new People(platform);
    this.#checker = new Checker(this.#expected);
  }

  /** Opens all devices and threads. Nobody writes before `talk`. */
  static async open(platform: Platform, options: ChatLoadOptions): Promise<ChatLoad> {
    const load = new ChatLoad(platform, options);
    try {
      await load.#open();
    } catch (error) {
      await load[Symbol.asyncDispose]();
      throw error;
    }
    return load;
  }

  async #open(): Promise<void> {
    const clients = Object.entries(devices).flatMap(([user, names]) => names.map((device) => ({ user, device })));
    const opening = clients.map(async (client) => {
      const device = await ChatDevice.open(client, {
        gateway: this.#platform.gateway,
        token: () => this.#platform.token(client.user),
        breakable: this.#options.breakable ?? false,
        inFlight: this.#options.inFlight ?? 4,
        record: (record) => this.#record(record),
      });
      device.parley.on('connection', () => this.wake());
      this.devices.push(device);
    });
    await Promise.all(opening);
    this.#robot = (await this.#people.again('robot')).client;
    for (const { label, members } of scene) {
      const [first = '', second = ''] = members;
      const { parley } = this.device(first, 'phone');
      const thread =
        members.length === 2
          ? await parley.threads.open(second)
          : await parley.groups.create({ name: label, memberIds: members.slice(1) });
      const expected: ExpectedThread = { label, initial: [...members], receipts: true, steps: [] };
      const sequence = Number(thread.head?.sequence ?? 0n);
      this.device(first, 'phone').tell({ kind: 'created', thread: thread.threadId, label, sequence });
      this.#expected.push(expected);
      this.#rooms.push({ id: thread.threadId, expected, last: sequence });
    }
  }

  device(user: string, name: string): ChatDevice {
    const found = this.devices.find(({ client }) => client.user === user && client.device === name);
    if (found === undefined) throw new Error(`${user} has no ${name}`);
    return found;
  }

  get areAllLive(): boolean {
    return this.devices.every((device) => device.isLive);
  }

  /** From now on everybody writes, as fast as they get answers, until `finish`. */
  talk(): void {
    scene.forEach(({ authors }, at) => {
      const room = this.#rooms[at];
      if (room === undefined) throw new Error('open the threads first');
      for (const who of authors) this.#writing.push(this.#write(this.#author(who, room), this.#writing.length));
    });
  }

  /** Resolves once `check` holds; it is asked after every answer, every change of a connection and every `wake`. */
  async until(check: () => boolean, what: string): Promise<void> {
    let waiter: (() => void) | undefined;
    const met = new Promise<void>((resolve) => {
      waiter = () => {
        if (check()) resolve();
      };
      this.#waiters.add(waiter);
      waiter();
    });
    try {
      await this.#activity.orStalled(met, `waiting until ${what}`);
    } finally {
      if (waiter !== undefined) this.#waiters.delete(waiter);
    }
  }

  /** Resolves when so many more sends were answered. */
  async untilAnswered(more: number): Promise<void> {
    const enough = this.answered + more;
    await this.until(() => this.answered >= enough, `${more} more sends were answered`);
  }

  /**
   * Ends the talk: all that was said is answered, heard by everybody and read, or nothing happens any more. Then reads all
   * logs by plain calls, as one more device of each user, and judges. `failures`: sends that were refused
   * and what never came to an end, in words.
   */
  async finish(): Promise<Verdict & { failures: string[]; answered: number }> {
    this.#stopped = true;
    await this.#step('the last sends were answered', () => Promise.all(this.#writing));
    const hearing = this.#rooms.flatMap((room) => {
      const members = this.devices.filter(({ client }) => room.expected.initial.includes(client.user));
      return members.map(({ client }) => this.#listening.reached(client, room.id, room.last));
    });
    await this.#step('everybody heard the last messages', () => Promise.all(hearing));
    for (const user of Object.keys(devices))
      await this.#step(`the logs were read as ${user}`, () => this.#readLogs(user));
    for (const room of this.#rooms) {
      await this.#step(`all read ${room.expected.label}`, () => this.#readPositions(room));
    }
    return { ...this.#checker.finish(), failures: this.#failures, answered: this.answered };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.devices.map((device) => device[Symbol.asyncDispose]()));
    this.#people[Symbol.dispose]();
    await Promise.all(this.#writing);
  }

  #author(who: string, room: Room): Author {
    const [user = '', name = ''] = who.split('/');
    if (name === 'call') {
      const { client } = this.device(user, 'screen');
      // Plain calls of one author overtake each other: one at a time.
      return { room, client, pipelined: 1, send: (ref, text) => this.#call(room.id, ref, text) };
    }
    const { client, parley } = this.device(user, name);
    const send: Author['send'] = async (ref, text) =>
      Number((await parley.send(room.id, text, { clientMessageId: ref })).sequence);
    return { room, client, pipelined: this.#options.pipelined ?? 8, send };
  }

  async #write(author: Author, number: number): Promise<void> {
    const random = seeded(this.#options.seed + number);
    const underWay = new Set<Promise<void>>();
    for (let count = 1; !this.#stopped; count += 1) {
      const said = this.#say(
        author,
        `${author.client.device}-${count}`,
        'x'.repeat(random(random(20) === 0 ? 4_000 : 200)),
      );
      const sent = said.finally(() => underWay.delete(sent));
      underWay.add(sent);
      if (underWay.size >= author.pipelined) await Promise.race(underWay);
    }
    await Promise.all(underWay);
  }

  async #say({ room, client, send }: Author, id: string, rest: string): Promise<void> {
    // Unique within the thread, and so is the text.
    const ref = `${client.user}-${id}`;
    const text = `${ref} ${rest}`;
    const message: ExpectedMessage = {
      kind: 'message',
      ref,
      user: client.user,
      contentType: '',
      bytes: Buffer.from(text),
    };
    room.expected.steps.push(message);
    try {
      const sequence = await send(ref, text);
      if (sequence === undefined) {
        message.inDoubt = true;
        return;
      }
      room.last = Math.max(room.last, sequence);
      this.#record({ client, atMs: performance.now(), kind: 'sent', thread: room.id, ref, sequence });
      this.answered += 1;
      this.wake();
    } catch (error) {
      if (!this.#stopped) this.#failures.push(`${room.expected.label} ${ref}: ${String(error)}`);
      // It would be refused as fast as it can be said.
      await this.until(() => this.#stopped, 'the talk ends');
    }
  }

  /** A unary send by hand, asked again with the same id until it is answered, or given up. */
  async #call(threadId: string, clientMessageId: string, text: string): Promise<number | undefined> {
    const request = SendMessageRequest.create({ threadId, clientMessageId, content: textContent(text) });
    const given = seeded(this.#options.seed + clientMessageId.length + text.length);
    const ask = async (): Promise<number | 'given up' | undefined> => {
      const { response, status } = await (this.#robot as RawClient).call(MessageServiceService.sendMessage, request);
      if (response !== undefined) return Number(response.sequence);
      // A node that dies within its answer is told by the gateway as INTERNAL without a reason.
      const isBroken = status.code === 'UNAVAILABLE' || (status.code === 'INTERNAL' && status.reason === undefined);
      if (!isBroken) throw new Error(`${status.code} ${status.reason}: ${status.message}`);
      return this.#options.robotGivesUp === true && given(2) === 0 ? 'given up' : undefined;
    };
    const answer = await until(ask, { what: `an answer to ${clientMessageId}`, withinMs: 60_000, everyMs: 100 });
    return answer === 'given up' ? undefined : answer;
  }

  /** A user's whole threads by plain calls, heard as by one more device. Throws where a sequence is missing. */
  async #readLogs(user: string): Promise<void> {
    const { client } = await this.#people.again(user);
    const reader: Client = { user, device: 'reader of logs' };
    this.#record({ client: reader, atMs: performance.now(), kind: 'opened' });
    const rooms = this.#rooms.filter(({ expected }) => expected.initial.includes(user));
    for (const { id, expected } of rooms) await this.#readLog(client, reader, id, expected.label);
  }

  async #readLog(client: RawClient, reader: Client, id: string, label: string): Promise<void> {
    for (let held = 0n; ;) {
      const request = { threadId: id, afterSequence: held, upToSequence: 0n, pageSize: 1_000 };
      const { entries, head } = await client.ask(HistoryServiceService.listEntries, request);
      for (const { sequence, kind, senderId } of entries) {
        if (sequence !== held + 1n) throw new Error(`${label}: entry ${sequence} follows ${held}`);
        held = sequence;
        if (kind?.$case !== 'message') continue;
        const bytes = Buffer.from(kind.value.content?.body?.value ?? '');
        const heard = { thread: id, sequence: Number(sequence), sender: senderId, contentType: '', bytes };
        this.#record({ client: reader, atMs: performance.now(), kind: 'heard', ...heard });
      }
      if (held === head?.sequence) return;
      if (entries.length === 0) throw new Error(`${label}: the log ends at ${held}, its head is ${head?.sequence}`);
    }
  }

  /** Each member asks who has what until all have read the last message, and is recorded as told. */
  async #readPositions({ id, expected, last }: Room): Promise<void> {
    for (const user of expected.initial) {
      const asker = this.devices.find(({ client }) => client.user === user) as ChatDevice;
      await until(
        async () => {
          const { receipts } = await asker.parley.receipts.list(id, { pageSize: 500 });
          for (const { userId, deliveredSequence, readSequence } of receipts) {
            const told = { user: userId, delivered: Number(deliveredSequence), read: Number(readSequence) };
            asker.tell({ kind: 'position', thread: id, ...told });
          }
          return receipts.every(({ readSequence }) => Number(readSequence) >= last) || undefined;
        },
        { what: `${expected.label} to be read by all`, withinMs: 20_000, everyMs: 100 },
      );
    }
  }

  #record(record: HistoryRecord): void {
    this.#checker.add(record);
    this.#activity.touch();
    if (record.kind === 'heard') this.#listening.note(record.client, record.thread, record.sequence);
  }

  /** Something happened that `until` may wait for. */
  wake(): void {
    this.#activity.touch();
    for (const waiter of [...this.#waiters]) waiter();
  }

  /** What fails or is stuck is noted and left as it is: the checker says what is missing. */
  async #step(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await this.#activity.orStalled(work(), what);
    } catch (error) {
      this.#failures.push(`${what}: ${(error as Error).message}`);
    }
  }
}
