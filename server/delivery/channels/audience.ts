import type { Clock } from '../../core/clock.ts';
import type { Comment } from '../../core/comment.ts';
import type { ChannelId, UserId } from '../../core/ids.ts';
import type { FrameEncoder } from '../frames.ts';
import { type Channel, type DeliveryClass, keyOf } from './channel.ts';
import { deletionsFrame, type Listening, type Piece } from './listening.ts';
import { lostPiece, piecesOf, type Run } from './pieces.ts';
import { Sample } from './sample.ts';

/** Listeners that are told in one go at most: a large audience holds up nobody else. */
const maxInOneGo = 4_096;
/** What is spread is told in slices so far apart. */
const sliceMs = 1;

interface Group {
  readonly deliveryClass: DeliveryClass;
  readonly sample: Sample;
  readonly listenings: Set<Listening>;
  /** Comments told to all of the group since the last statistics. */
  shown: number;
  /** What is being told, oldest first, each to those who were listening when it came. */
  readonly walks: Walk[];
}

interface Walk {
  readonly listenings: readonly Listening[];
  readonly tell: (listening: Listening) => void;
  at: number;
  beganMs: number | undefined;
}

/** What a channel says of itself once a second. */
export interface Statistics {
  readonly epoch: bigint;
  readonly published: bigint;
  readonly perSecond: number;
  readonly listeners: number;
}

/** The listeners of a channel on this node, by delivery class: what a class is told is encoded once for all of it. */
export class Audience {
  readonly #channelId: ChannelId;
  readonly #encode: FrameEncoder;
  readonly #groups = new Map<string, Group>();
  /** Of those who are not told everything: what concerns them is told beside the sample. */
  readonly #byUser = new Map<UserId, Set<Listening>>();
  readonly #clock: Clock;
  /** Over how many ms what is told is spread. */
  #overMs = 0;
  #size = 0;
  /** How often some were chosen. */
  #chosen = 0;
  /** Whom to call when all are told. */
  #onTold: (() => void)[] = [];

  constructor(channelId: ChannelId, encode: FrameEncoder, clock: Clock) {
    this.#channelId = channelId;
    this.#encode = encode;
    this.#clock = clock;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether some are still being told something. */
  get isTelling(): boolean {
    for (const { walks } of this.#groups.values()) if (walks.length > 0) return true;
    return false;
  }

  /** What is told next is spread over about so many ms; 0 = told at once. */
  spread(overMs: number): void {
    this.#overMs = overMs < sliceMs ? 0 : overMs;
  }

  /** Calls back once nobody is being told anything: at once, or from a later turn of the loop. */
  whenTold(onTold: () => void): void {
    if (this.isTelling) this.#onTold.push(onTold);
    else onTold();
  }

  /** Some of its listeners who are not behind, chosen evenly, others each time, `most` at most. */
  some(most: number): readonly Listening[] {
    const step = Math.max(1, Math.ceil(this.#size / most));
    const chosen: Listening[] = [];
    let until = this.#chosen++ % step;
    for (const { listenings } of this.#groups.values()) {
      for (const listening of listenings) {
        if (until > 0 || listening.isBehind) {
          until = Math.max(0, until - 1);
          continue;
        }
        chosen.push(listening);
        until = step - 1;
      }
    }
    return chosen;
  }

  /** Gives what takes it out again. */
  add(listening: Listening, deliveryClass: DeliveryClass): () => void {
    const key = keyOf(deliveryClass);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { deliveryClass, sample: new Sample(deliveryClass), listenings: new Set(), shown: 0, walks: [] };
      this.#groups.set(key, group);
    }
    group.listenings.add(listening);
    this.#size += 1;
    const { userId } = listening.listener;
    const isPartial = deliveryClass.kind !== 'everything';
    if (isPartial) {
      const own = this.#byUser.get(userId);
      if (own === undefined) this.#byUser.set(userId, new Set([listening]));
      else own.add(listening);
    }
    const { listenings } = group;
    return () => {
      if (!listenings.delete(listening)) return;
      this.#size -= 1;
      if (listenings.size === 0 && this.#groups.get(key)?.listenings === listenings) this.#groups.delete(key);
      const own = isPartial ? this.#byUser.get(userId) : undefined;
      if (own?.delete(listening) === true && own.size === 0) this.#byUser.delete(userId);
    };
  }

  /** Statistics share the last piece of what is told anyway: a frame of their own costs each listener's stream as much as any. */
  hear(epoch: bigint, runs: readonly Run[], deleted: readonly bigint[], statistics?: Statistics): void {
    const deletions = deleted.length === 0 ? undefined : this.#encode(deletionsFrame(this.#channelId, epoch, deleted));
    for (const group of this.#groups.values()) {
      const last = runs.length - 1;
      runs.forEach((run, at) => {
        const chosen = this.#choose(group, run);
        this.#hearRun(group, epoch, run, chosen, at === last ? this.#statisticsOf(group, statistics) : undefined);
      });
      if (last < 0) this.#tellStatistics(group, this.#statisticsOf(group, statistics));
      if (deletions === undefined) continue;
      this.#each(group, (listening) => listening.hearDeletions(deletions, epoch, deleted));
    }
  }

  /** Tells all what holds for the channel now; who is behind, the newest only. */
  hearChannel(channel: Channel): void {
    const bytes = this.#encode({ type: 'channel', channel });
    for (const group of this.#groups.values()) this.#each(group, (listening) => listening.hearChannel(bytes, channel));
  }

  /** Tells all the same bytes, whatever their class. */
  tell(bytes: Buffer): void {
    for (const group of this.#groups.values()) this.#each(group, ({ listener }) => listener.tell(bytes));
  }

  begin(): void {
    for (const group of this.#groups.values()) this.#each(group, (listening) => listening.begin());
  }

  /** Who has no room for it is told the next one. */
  #tellStatistics(group: Group, bytes: Buffer | undefined): void {
    if (bytes !== undefined) this.#each(group, ({ listener }) => listener.offer(bytes));
  }

  #statisticsOf(group: Group, statistics: Statistics | undefined): Buffer | undefined {
    if (statistics === undefined) return undefined;
    const { epoch, published, perSecond: publishedPerSecond, listeners } = statistics;
    const shownPerSecond = Math.min(group.shown, publishedPerSecond);
    group.shown = 0;
    const stats = { channelId: this.#channelId, epoch, published, publishedPerSecond, shownPerSecond, listeners };
    return this.#encode({ type: 'channel-stats', stats });
  }

  #choose(group: Group, run: Run): readonly Comment[] {
    if (run.kind === 'lost') return [];
    const chosen = group.sample.choose(run.heard);
    group.shown += chosen.length;
    return chosen;
  }

  #hearRun(group: Group, epoch: bigint, run: Run, chosen: readonly Comment[], tail: Buffer | undefined): void {
    if (run.kind === 'lost') {
      const [piece] = withTail([lostPiece(this.#encode, this.#channelId, run.from, run.to)], tail);
      if (piece === undefined) return;
      this.#each(group, (listening) => listening.hear(piece));
      return;
    }
    const pieces = withTail(piecesOf(this.#encode, this.#channelId, epoch, run, chosen), tail);
    const own = group.deliveryClass.kind === 'everything' ? undefined : this.#concerned(group, run, chosen);
    this.#each(group, (listening) => {
      const more = own?.get(listening);
      const told = more === undefined ? pieces : this.#withMore(epoch, run, chosen, more);
      for (const piece of told) listening.hear(piece);
    });
  }

  /** Tells each of the group, behind what it is being told already. */
  #each(group: Group, tell: (listening: Listening) => void): void {
    const { listenings, walks } = group;
    if (walks.length === 0 && listenings.size <= maxInOneGo && this.#overMs === 0) {
      for (const listening of listenings) tell(listening);
      return;
    }
    walks.push({ listenings: [...listenings], tell, at: 0, beganMs: undefined });
    if (walks.length === 1) this.#walk(group);
  }

  #walk({ listenings, walks }: Pick<Group, 'listenings' | 'walks'>): void {
    const nowMs = this.#clock.monotonicMs();
    let left = maxInOneGo;
    for (let walk = walks[0]; walk !== undefined && left > 0; walk = walks[0]) {
      const from = (walk.beganMs ??= nowMs);
      const { length } = walk.listenings;
      const due = this.#overMs === 0 ? length : Math.ceil((length * (nowMs - from + sliceMs)) / this.#overMs);
      const upTo = Math.min(length, due, walk.at + left);
      left -= upTo - walk.at;
      for (; walk.at < upTo; walk.at += 1) {
        const listening = walk.listenings[walk.at];
        // Who has left meanwhile is told nothing more.
        if (listening !== undefined && listenings.has(listening)) walk.tell(listening);
      }
      if (walk.at < length) break;
      walks.shift();
    }
    if (walks.length > 0) this.#clock.after(sliceMs, () => this.#walk({ listenings, walks }));
    else if (!this.isTelling) for (const onTold of this.#onTold.splice(0)) onTold();
  }

  /** For whom which comments of the run must be told beside those that are chosen. */
  #concerned(group: Group, run: Run & { kind: 'heard' }, chosen: readonly Comment[]): Map<Listening, Set<Comment>> {
    const concerned = new Map<Listening, Set<Comment>>();
    const isChosen = new Set(chosen);
    for (const { comment } of run.heard) {
      if (isChosen.has(comment)) continue;
      for (const user of [comment.senderId, comment.replyToSenderId, ...comment.mentions]) {
        for (const listening of this.#byUser.get(user) ?? []) {
          if (!group.listenings.has(listening)) continue;
          const more = concerned.get(listening);
          if (more === undefined) concerned.set(listening, new Set([comment]));
          else more.add(comment);
        }
      }
    }
    return concerned;
  }

  #withMore(epoch: bigint, run: Run, chosen: readonly Comment[], more: ReadonlySet<Comment>) {
    const all = [...chosen, ...more].toSorted((a, b) => (a.number < b.number ? -1 : 1));
    return piecesOf(this.#encode, this.#channelId, epoch, run, all);
  }
}

/** The bytes go behind those of the last piece. */
function withTail(pieces: readonly Piece[], tail: Buffer | undefined): readonly Piece[] {
  const last = pieces.at(-1);
  if (tail === undefined || last === undefined) return pieces;
  return [...pieces.slice(0, -1), { ...last, bytes: Buffer.concat([last.bytes, tail]) }];
}
