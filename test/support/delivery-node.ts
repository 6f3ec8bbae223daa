// A node with sessions and without gRPC, over the real embedded store in a folder of its own. Sessions write the frames that
// go over the wire; a device reads them, or is frozen. Time stands still until a test turns it.
import { randomBytes } from 'node:crypto';
import { OpenResponse, type ServerFrame } from '#proto/parley/v1/stream_service.ts';
import type { Refusal } from '../../server/core/errors.ts';
import type { DeviceId, SessionId, ThreadId, UserId } from '../../server/core/ids.ts';
import { ChannelHub } from '../../server/delivery/channels/channel-hub.ts';
import type { DeliveryContext } from '../../server/delivery/context.ts';
import { Flusher } from '../../server/delivery/flusher.ts';
import type { Goodbye, SessionLimits, Sink } from '../../server/delivery/frames.ts';
import { goodbyeOf } from '../../server/delivery/goodbyes.ts';
import { GroupReceipts } from '../../server/delivery/group-receipts.ts';
import { Hub } from '../../server/delivery/hub.ts';
import { openSession, type Opening } from '../../server/delivery/opening.ts';
import { ReceiptFrames } from '../../server/delivery/receipt-frames.ts';
import { ResumeTokens } from '../../server/delivery/resume-token.ts';
import { Session } from '../../server/delivery/session.ts';
import { type AdmissionLimits, Sessions } from '../../server/delivery/sessions.ts';
import { makeFrameEncoder } from '../../server/rpc/frame-encoder.ts';
import { type ChatNode, type ChatNodeOptions, openChatNode } from './chat-node.ts';

type Told = NonNullable<ServerFrame['frame']>;
type ToldValue<Kind extends Told['$case']> = Extract<Told, { $case: Kind }>['value'];

export interface DeliveryNodeOptions extends ChatNodeOptions {
  readonly admission?: Partial<AdmissionLimits>;
  readonly session?: Partial<SessionLimits>;
  readonly maxListeners?: number;
  /** Signs resume tokens. */
  readonly resumeKey?: Uint8Array;
}

export interface DeviceOptions extends Partial<Opening> {
  /** How long its token is good for; default a day. */
  readonly tokenMs?: number;
}

export interface DeliveryNode extends ChatNode {
  readonly hub: Hub;
  readonly sessions: Sessions;
  readonly delivery: DeliveryContext;
  /** Begins to open a stream of a device; `device.opened` resolves when it is live. */
  open(userId: string, deviceId?: string, opening?: DeviceOptions): Device;
  /** A device whose stream is live. */
  live(userId: string, deviceId?: string, opening?: DeviceOptions): Promise<Device>;
}

export async function openDeliveryNode(options: DeliveryNodeOptions = {}): Promise<DeliveryNode> {
  const chat = await openChatNode(options);
  const { store, bus, registry, views, receipts, policy, clock, comments } = chat;
  const hub = new Hub(bus, views, clock);
  const limits = { connectsPerS: 1e6, sessionsPerUser: 1e3, ...options.admission };
  const sessions = new Sessions(clock, registry, limits, () => undefined);
  const encode = makeFrameEncoder();
  const channels = new ChannelHub({
    bus,
    log: comments,
    directory: chat.chat.channels,
    clock,
    encode,
    maxTickMs: 100,
    maxListeners: options.maxListeners ?? 10_000,
  });
  const delivery: DeliveryContext = {
    store,
    bus,
    registry,
    views,
    hub,
    channels,
    receipts,
    groupReceipts: new GroupReceipts(store, hub, views, policy, clock),
    receiptFrames: new ReceiptFrames(store, views, policy),
    policy,
    retention: chat.retention,
    clock,
    flusher: new Flusher(setImmediate, () => clock.monotonicMs()),
    encode,
    limits: {
      windowEntries: 256,
      windowBytes: 256 * 1_024,
      contentBytes: 65_536,
      backfillEntries: 64,
      framesInFlight: 256,
      ...options.session,
    },
    resumeTokens: new ResumeTokens(options.resumeKey ?? Buffer.alloc(32, 3)),
    goodbyeOf,
  };
  const open = (userId: string, deviceId = 'd1', opening: DeviceOptions = {}): Device =>
    new Device(delivery, sessions, userId as UserId, deviceId as DeviceId, opening);
  return {
    ...chat,
    hub,
    sessions,
    delivery,
    open,
    async live(userId, deviceId, opening) {
      const device = open(userId, deviceId, opening);
      await device.opened;
      await device.until(() => device.all('caughtUp').length > 0);
      return device;
    },
    async [Symbol.asyncDispose]() {
      sessions.close();
      channels[Symbol.dispose]();
      await chat[Symbol.asyncDispose]();
    },
  };
}

/** One stream of a device, as its client sees it. */
export class Device implements Sink {
  readonly told: Told[] = [];
  session!: Session;
  /** Rejects when the stream cannot be opened. */
  readonly opened: Promise<void>;
  ended: { readonly goodbye: Goodbye; readonly refusal: Refusal | undefined } | undefined;
  destroyed = false;
  #frozen = false;
  #unread: Buffer[] = [];

  constructor(
    delivery: DeliveryContext,
    sessions: Sessions,
    userId: UserId,
    deviceId: DeviceId,
    opening: DeviceOptions,
  ) {
    this.opened = this.#open(delivery, sessions, userId, deviceId, opening);
    this.opened.catch(() => undefined);
  }

  async #open(
    delivery: DeliveryContext,
    sessions: Sessions,
    userId: UserId,
    deviceId: DeviceId,
    opening: DeviceOptions,
  ): Promise<void> {
    const { clock } = delivery;
    const sessionId = `n.${randomBytes(9).toString('base64url')}` as SessionId;
    await sessions.open(userId, deviceId, (startMs) => {
      this.session = new Session(
        { sessionId, userId, deviceId, startMs },
        clock.nowMs() + (opening.tokenMs ?? 24 * 3_600_000),
        this,
        delivery,
      );
      return this.session;
    });
    const whole = { resumeToken: Buffer.alloc(0), positions: new Map(), handOver: false, foreground: true };
    await openSession(this.session, { ...whole, userSequence: 0n, ...opening }, delivery, () => undefined);
  }

  write(message: Buffer): boolean {
    if (this.ended !== undefined) throw new Error('written to after the end');
    this.#unread.push(message);
    if (!this.#frozen) this.#read();
    return !this.#frozen;
  }

  end(goodbye: Goodbye, refusal: Refusal | undefined): void {
    this.ended = { goodbye, refusal };
  }

  destroy(): void {
    this.destroyed = true;
  }

  /** Bytes that it was given and did not take. */
  get waiting(): number {
    return this.#unread.reduce((sum, { length }) => sum + length, 0);
  }

  /** Takes nothing more until it thaws. */
  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
    this.#read();
    this.session.outbox.drained();
  }

  whenArrived(onArrived: () => void): void {
    if (this.#unread.length === 0) onArrived();
  }

  /** The stream breaks, as the node sees it. */
  break(): void {
    this.session.close(goodbyeOf('handed-over', 'the stream was closed by its client'));
  }

  #read(): void {
    for (const message of this.#unread.splice(0)) {
      for (const { frame } of OpenResponse.decode(message).frames) if (frame !== undefined) this.told.push(frame);
    }
  }

  all<Kind extends Told['$case']>($case: Kind): ToldValue<Kind>[] {
    return this.told.filter((frame) => frame.$case === $case).map((frame) => frame.value as ToldValue<Kind>);
  }

  /** Resolves when it holds; the test's own time limit ends the wait. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await turn();
  }

  /** What was told of a thread's log, in order: sequences, and skipped ranges as `from-to`. */
  log(threadId: ThreadId): string[] {
    return this.told.flatMap((frame): string[] => {
      if (frame.$case === 'entriesAppended' && frame.value.threadId === threadId) {
        return frame.value.entries.map(({ sequence }) => String(sequence));
      }
      if (frame.$case === 'skipped' && frame.value.what?.value === threadId) {
        return [`${frame.value.from}-${frame.value.to}`];
      }
      return [];
    });
  }
}

/** Lets everything that is ready run: a turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Some turns of the event loop, for what must not happen. */
export async function turns(count = 20): Promise<void> {
  for (let n = 0; n < count; n += 1) await turn();
}
