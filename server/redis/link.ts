import { Redis, type RedisOptions } from 'ioredis';
import type { Clock, Timer } from '../core/clock.ts';
import { readServerInfo, type ServerInfo } from './server-info.ts';
import { addressText, type RedisAddress, type RedisSettings } from './settings.ts';

export type RedisArgument = string | number | Buffer;

export interface LinkOptions {
  readonly address: RedisAddress;
  readonly settings: RedisSettings;
  readonly clock: Clock;
  /** Names the connection in `CLIENT LIST`. */
  readonly name: string;
  /** A command without an answer for this long means that the link is down. Default 1,000. */
  readonly doubtMs?: number;
  readonly onUp: (info: ServerInfo) => void;
  /** Called for each try that failed, too. */
  readonly onDown: (why: Error) => void;
  readonly onMessage?: (channel: Buffer, message: Buffer) => void;
  /** The cluster has given a slot that this link subscribed in to another node. */
  readonly onMoved?: () => void;
}

/** The link is down, or went down with the command under way: whether it had an effect is not known. */
export class LinkDown extends Error {
  override readonly name = 'LinkDown';
}

const tickMs = 250;
/** An idle link is asked this often whether it is alive. */
const pingEveryTicks = 8;
const connectWithinMs = 3_000;
const firstRetryMs = 100;
const maxRetryMs = 3_000;
/** Commands without an answer: more are refused at once. */
const maxInFlight = 20_000;
/** Bytes that the socket has not taken. */
const maxUnsentBytes = 32 * 1_024 * 1_024;

/**
 * One connection to one Redis. While it is down nothing waits: calls reject at once, and it connects again with jitter.
 * It goes down when a command is in doubt, when a ping is not answered, and when the connection breaks; then every
 * call under way rejects. Doubt is counted in ticks that this process has seen, so that its own stalls are not held
 * against Redis.
 */
export class Link implements Disposable {
  readonly address: RedisAddress;
  readonly #options: LinkOptions;
  readonly #doubtTicks: number;
  #redis: Redis | undefined;
  #up = false;
  #disposed = false;
  #timer: Timer | undefined;
  #tries = 0;
  /** Calls made and calls answered on this connection; Redis answers in order. */
  #made = 0;
  #answered = 0;
  /** `#made` at the last ticks, the oldest first. */
  #madeAt: number[] = [];
  #idleTicks = 0;

  constructor(options: LinkOptions) {
    this.address = options.address;
    this.#options = options;
    this.#doubtTicks = Math.ceil((options.doubtMs ?? 1_000) / tickMs);
    this.#connect();
  }

  get up(): boolean {
    return this.#up;
  }

  /** Texts come back as strings. @throws LinkDown, or what Redis answered */
  async call(command: string, args: readonly RedisArgument[] = []): Promise<unknown> {
    const redis = this.#redis;
    if (!this.#up || redis === undefined) throw new LinkDown(`Redis at ${addressText(this.address)} is not reached`);
    const inFlight = this.#made - this.#answered;
    if (inFlight >= maxInFlight || redis.stream.writableLength > maxUnsentBytes) {
      throw new LinkDown(`Redis at ${addressText(this.address)} has ${inFlight} commands to answer`);
    }
    return this.#send(redis, command, args);
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#drop();
  }

  async #send(redis: Redis, command: string, args: readonly RedisArgument[]): Promise<unknown> {
    this.#made += 1;
    this.#holdWrites(redis);
    try {
      return await redis.call(command, args as RedisArgument[]);
    } catch (error) {
      // What Redis answered is an answer; all else means that the connection went.
      if (error instanceof Error && error.name === 'ReplyError') throw error;
      throw new LinkDown(`Redis at ${addressText(this.address)} did not answer`, { cause: error });
    } finally {
      if (redis === this.#redis) this.#answered += 1;
    }
  }

  /** What one turn sends goes out in one write. */
  #holdWrites({ stream }: Redis): void {
    if (stream.writableCorked > 0) return;
    stream.cork();
    process.nextTick(() => stream.uncork());
  }

  #connect(): void {
    const { address, settings, name } = this.#options;
    const redis = new Redis(connectionOptions(address, settings, name));
    this.#redis = redis;
    this.#made = 0;
    this.#answered = 0;
    this.#madeAt = [];
    let cause: Error | undefined;
    redis.on('error', (error) => (cause = error));
    redis.on('end', () => this.#fail(redis, cause ?? new Error('the connection was closed')));
    const { onMessage, onMoved } = this.#options;
    if (onMessage !== undefined) redis.on('smessageBuffer', onMessage);
    if (onMoved !== undefined) redis.on('moved', onMoved);
    this.#timer = this.#options.clock.after(connectWithinMs, () =>
      this.#fail(redis, new Error(`no answer within ${connectWithinMs} ms of connecting`)),
    );
    redis.connect().then(
      () => this.#begin(redis),
      (error: unknown) => this.#fail(redis, cause ?? (error as Error)),
    );
  }

  /** The connection is there: looks at whose it is. */
  async #begin(redis: Redis): Promise<void> {
    let info: ServerInfo;
    try {
      info = readServerInfo(String(await this.#send(redis, 'INFO', [])), addressText(this.address));
    } catch (error) {
      return this.#fail(redis, error as Error);
    }
    if (redis !== this.#redis) return;
    this.#timer?.cancel();
    this.#up = true;
    this.#tries = 0;
    this.#idleTicks = 0;
    this.#scheduleTick(redis);
    this.#options.onUp(info);
  }

  #scheduleTick(redis: Redis): void {
    this.#timer = this.#options.clock.after(tickMs, () => this.#tick(redis));
  }

  #tick(redis: Redis): void {
    if (redis !== this.#redis) return;
    const before = this.#madeAt.length >= this.#doubtTicks ? this.#madeAt.shift() : 0;
    if (before !== undefined && before > this.#answered) {
      return this.#fail(redis, new Error(`no answer for ${this.#doubtTicks * tickMs} ms`));
    }
    this.#madeAt.push(this.#made);
    this.#idleTicks = this.#made > this.#answered ? 0 : this.#idleTicks + 1;
    if (this.#idleTicks >= pingEveryTicks) {
      this.#idleTicks = 0;
      this.#send(redis, 'PING', []).catch(() => undefined);
    }
    this.#scheduleTick(redis);
  }

  #fail(redis: Redis, why: Error): void {
    if (redis !== this.#redis || this.#disposed) return;
    this.#drop();
    this.#tries += 1;
    // Full jitter, so that a thousand nodes do not come back together.
    const ceilingMs = Math.min(maxRetryMs, firstRetryMs * 2 ** this.#tries);
    const { clock, onDown } = this.#options;
    this.#timer = clock.after(firstRetryMs / 2 + clock.random() * ceilingMs, () => this.#connect());
    onDown(why);
  }

  #drop(): void {
    this.#timer?.cancel();
    this.#up = false;
    const redis = this.#redis;
    this.#redis = undefined;
    // Rejects what is under way.
    redis?.disconnect();
  }
}

/** One try and one connection: no queue, no retries, no subscriptions brought back; the link decides about these. */
export function connectionOptions(address: RedisAddress, settings: RedisSettings, name: string) {
  const { username, password, tls } = settings;
  return {
    host: address.host,
    port: address.port,
    lazyConnect: true,
    connectionName: name,
    connectTimeout: connectWithinMs,
    // A peer that is paused never says that it has closed.
    disconnectTimeout: 1,
    retryStrategy: null,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: { ...tls } }),
  } satisfies RedisOptions;
}
