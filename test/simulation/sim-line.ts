// A stream between a device and a node. What goes over it takes its time and comes in order; it may break at either end
// first, or at one end only.
import { OpenResponse, type ClientFrame, type Hello, type ServerFrame } from '#proto/parley/v1/stream_service.ts';
import type { CarrierStream, StreamListener } from '../../clients/core/carrier.ts';
import * as Code from '../../clients/core/codes.ts';
import { errorOfStatus, ParleyError } from '../../clients/core/errors.ts';
import type { SessionId, UserId } from '../../server/core/ids.ts';
import type { Refusal } from '../../server/core/errors.ts';
import type { Goodbye, GoodbyeReason } from '../../server/delivery/frames.ts';
import { statusOf } from '../../server/rpc/errors.ts';
import type { SimNode } from './sim-node.ts';
import { SimStream, type Line } from './sim-stream.ts';
import type { World } from './world.ts';

const wayMs = [0.5, 15] as const;
/** How long after an end of the line the other end hears of it. */
const breakMs = [1, 300] as const;
/** Messages that a frozen device's transport takes. */
const mostUnread = 3;

/** The status of a stream by the reason of its goodbye, as server/rpc/stream-end.ts has it. */
const codes: Record<GoodbyeReason, number> = {
  draining: Code.OK,
  superseded: Code.ABORTED,
  'token-expired': Code.UNAUTHENTICATED,
  'heartbeat-missed': Code.DEADLINE_EXCEEDED,
  'too-slow': Code.RESOURCE_EXHAUSTED,
  protocol: Code.INVALID_ARGUMENT,
  'signed-out': Code.PERMISSION_DENIED,
  failed: Code.UNAVAILABLE,
  'handed-over': Code.OK,
};

export type Break = 'both' | 'client' | 'node';

export interface LineOptions {
  readonly world: World;
  readonly node: SimNode;
  readonly userId: UserId;
  readonly sessionId: SessionId;
  readonly listener: StreamListener;
  /** Frames as they reach the device. */
  readonly tap: (frames: readonly ServerFrame[]) => void;
}

export class SimLine implements CarrierStream, Line {
  readonly #options: LineOptions;
  readonly #stream: SimStream;
  #toNodeMs = 0;
  #toClientMs = 0;
  /** The client's end is over. */
  #left = false;
  /** The node's end is over, or what it says does not arrive any more. */
  #lost = false;
  #nodeHasHeard = false;
  #frozen = false;
  #isBehind = false;
  readonly #unread: Buffer[] = [];
  readonly #died = (): void => this.#fromNode(breakMs, () => this.#end(unavailable('the node has died')));

  constructor(options: LineOptions, hello: Hello) {
    this.#options = options;
    this.#stream = new SimStream(options.node, options.userId, options.sessionId, this);
    options.node.onDeath.add(this.#died);
    this.#toNode(() => this.#stream.open(hello));
  }

  /** Whether the device still uses it. */
  get isOpen(): boolean {
    return !this.#left;
  }

  send(frames: readonly ClientFrame[]): void {
    if (!this.#left && !this.#lost) this.#toNode(() => this.#stream.take(frames));
  }

  close(): void {
    if (this.#left) return;
    this.#toNode(() => {
      this.#nodeGone();
      this.#fromNode(wayMs, () => this.#end(undefined));
    });
  }

  abort(): void {
    // What is on its way does not arrive any more.
    this.#lost = true;
    this.#tellNode();
    this.#options.world.after(0, () => this.#end(unavailable('cancelled')));
  }

  write(message: Buffer): boolean {
    this.#fromNode(wayMs, () => this.#arrive(message));
    this.#isBehind = this.#frozen && this.#unread.length >= mostUnread;
    return !this.#isBehind;
  }

  end(goodbye: Goodbye | undefined, refusal: Refusal | undefined): void {
    this.#nodeHasHeard = true;
    const code = goodbye === undefined ? Code.UNAVAILABLE : codes[goodbye.reason];
    let error: ParleyError | undefined;
    if (refusal !== undefined) error = errorOfStatus(statusOf(refusal));
    else if (code !== Code.OK) error = new ParleyError({ reason: 'NO_REASON', code, message: goodbye?.message ?? '' });
    this.#fromNode(wayMs, () => this.#end(error));
  }

  /** The line breaks: both ends hear of it, or one only. */
  break(how: Break): void {
    if (this.#left) return;
    this.#lost = true;
    if (how !== 'client') this.#tellNode();
    if (how === 'node') return;
    this.#options.world.after(this.#options.world.random.between(...breakMs), () => {
      this.#end(unavailable('the line broke'));
    });
  }

  /** The device's process dies: it reads nothing any more, also not what is there. */
  drop(): void {
    if (this.#left) return;
    this.#left = true;
    this.#lost = true;
    this.#unread.length = 0;
    this.#options.node.onDeath.delete(this.#died);
    this.#tellNode();
  }

  /** The device takes nothing until it thaws. */
  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
    for (const message of this.#unread.splice(0)) this.#read(message);
    if (!this.#isBehind) return;
    this.#isBehind = false;
    this.#toNode(() => this.#stream.drained());
  }

  #arrive(message: Buffer): void {
    if (this.#left) return;
    if (this.#frozen) this.#unread.push(message);
    else this.#read(message);
  }

  #read(message: Buffer): void {
    if (this.#left) return;
    const { frames } = OpenResponse.decode(message);
    this.#options.tap(frames);
    this.#options.listener.frames(frames, message.length);
  }

  #end(error: ParleyError | undefined): void {
    if (this.#left) return;
    // What arrived before is read before.
    this.thaw();
    if (this.#left) return;
    this.#left = true;
    this.#options.node.onDeath.delete(this.#died);
    this.#options.listener.ended(error);
  }

  #tellNode(): void {
    const { world } = this.#options;
    world.after(world.random.between(...breakMs), () => this.#nodeGone());
  }

  #nodeGone(): void {
    if (this.#nodeHasHeard || !this.#options.node.life.alive) return;
    this.#nodeHasHeard = true;
    this.#stream.gone();
  }

  #toNode(run: () => void): void {
    const { world, node } = this.#options;
    this.#toNodeMs = Math.max(world.nowMs + world.random.between(...wayMs), this.#toNodeMs);
    world.after(this.#toNodeMs - world.nowMs, () => {
      if (node.life.alive && !this.#lost) run();
    });
  }

  #fromNode(ms: readonly [number, number], run: () => void): void {
    const { world } = this.#options;
    this.#toClientMs = Math.max(world.nowMs + world.random.between(...ms), this.#toClientMs);
    world.after(this.#toClientMs - world.nowMs, () => {
      if (!this.#lost) run();
    });
  }
}

export function unavailable(message: string): ParleyError {
  return new ParleyError({ reason: 'NO_REASON', code: Code.UNAVAILABLE, message });
}
