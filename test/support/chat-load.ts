// People who talk all the while, for tests that break things meanwhile: a group and direct threads, several devices of one
// user, sends that do not wait for each other, and one author without the SDK. Nobody stops or helps them: they come back by
// themselves. Afterwards the checker of the replay judges what they were told, and the log as ListEntries gives it.
import type { Platform } from '../../platform/platform.ts';
import { Checker, type Verdict } from '../replay/checker.ts';
import type { ExpectedMessage, ExpectedThread } from '../replay/expected.ts';
import type { HistoryRecord } from '../replay/history.ts';
import { Activity, Listening } from '../replay/listening.ts';
import { seeded } from '../replay/random.ts';
import { readLogs, readPositions } from './chat-aftermath.ts';
import { type Author, callingAuthor, sdkAuthor } from './chat-author.ts';
import { ChatDevice } from './chat-device.ts';
import { devices, type LoadThread, scene } from './chat-scene.ts';
import { People } from './raw-people.ts';

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

export class ChatLoad implements AsyncDisposable {
  readonly devices: ChatDevice[] = [];
  /** Sends that were answered. */
  answered = 0;
  readonly #platform: Platform;
  readonly #options: ChatLoadOptions;
  readonly #people: People;
  readonly #threads: LoadThread[] = [];
  readonly #checker: Checker;
  readonly #expected: ExpectedThread[] = [];
  readonly #listening = new Listening();
  readonly #activity = new Activity(() => performance.now());
  readonly #failures: string[] = [];
  readonly #waiters = new Set<() => void>();
  readonly #writing: Promise<void>[] = [];
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
      this.#threads.push({ id: thread.threadId, expected, last: sequence });
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
  async talk(): Promise<void> {
    const robot = await this.#people.again('robot');
    const chance = seeded(this.#options.seed);
    const givesUp = (): boolean => this.#options.robotGivesUp === true && chance(2) === 0;
    const authors = this.#threads.flatMap((thread, at) =>
      (scene[at]?.authors ?? []).map((who): Author => {
        const [user = '', name = ''] = who.split('/');
        if (name === 'call') return callingAuthor(robot.client, this.device(user, 'screen').client, thread, givesUp);
        return sdkAuthor(this.device(user, name), thread, this.#options.pipelined ?? 8);
      }),
    );
    authors.forEach((author, at) => this.#writing.push(this.#write(author, at)));
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
    const hearing = this.#threads.flatMap((thread) => {
      const members = this.devices.filter(({ client }) => thread.expected.initial.includes(client.user));
      return members.map(({ client }) => this.#listening.reached(client, thread.id, thread.last));
    });
    await this.#step('everybody heard the last messages', () => Promise.all(hearing));
    for (const user of Object.keys(devices)) {
      const reader = await this.#people.again(user);
      await this.#step(`the logs were read as ${user}`, () =>
        readLogs(reader, this.#threads, (record) => this.#record(record)),
      );
    }
    for (const thread of this.#threads) {
      await this.#step(`all read ${thread.expected.label}`, () => readPositions(thread, this.devices));
    }
    return { ...this.#checker.finish(), failures: this.#failures, answered: this.answered };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.devices.map((device) => device[Symbol.asyncDispose]()));
    this.#people[Symbol.dispose]();
    await Promise.all(this.#writing);
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

  async #say({ thread, client, send }: Author, id: string, rest: string): Promise<void> {
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
    thread.expected.steps.push(message);
    try {
      const sequence = await send(ref, text);
      if (sequence === undefined) {
        message.inDoubt = true;
        return;
      }
      thread.last = Math.max(thread.last, sequence);
      this.#record({ client, atMs: performance.now(), kind: 'sent', thread: thread.id, ref, sequence });
      this.answered += 1;
      this.wake();
    } catch (error) {
      this.#failures.push(`${thread.expected.label} ${ref}: ${String(error)}`);
      // It would be refused as fast as it can be said.
      await this.until(() => this.#stopped, 'the talk ends');
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
