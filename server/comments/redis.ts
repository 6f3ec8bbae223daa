import { commentOf, encodeCommentStart, encodeEvent, encodeStart } from '../bus/codec.ts';
import type { ChannelCount, Comment, NewComment } from '../core/comment.ts';
import { Refusal } from '../core/errors.ts';
import type { ChannelId } from '../core/ids.ts';
import { LinkDown, type RedisArgument } from '../redis/link.ts';
import type { Shards } from '../redis/shards.ts';
import {
  type CommentLog,
  type CommentRange,
  forgetMs,
  type KeepRule,
  listenersCountMs,
  type Published,
} from './comment-log.ts';
import { keysOf, type Keys } from './redis/keys.ts';
import { loadScripts, type ScriptName } from './redis/scripts.ts';

export interface RedisCommentLogOptions {
  /** Disposed with the log. */
  readonly shards: Shards;
  readonly nodeId: string;
  /** That of the bus, which hears what is published here. No braces. Default `parley:`. */
  readonly prefix?: string;
  /** For the log: what Redis answered instead of doing it. */
  readonly onProblem?: (problem: Error) => void;
}

/** A comment as scripts give it. */
type Row = readonly [number: number, fields: readonly unknown[]];

/** Where the bus looks for the tag of who published. This one is nobody's, so that the node hears its own comments, too. */
const tagBytes = 8;

/**
 * Comments of several nodes, in Redis. One script takes a batch whole, and publishes it on the shard channel that the bus on Redis
 * listens to: so all nodes, this one too, hear comments in the order in which Redis numbered them, and only from there.
 *
 * When a replica was promoted, or Redis has read its data from a disk, numbers may have been given that are lost: the next use of a channel
 * begins a later epoch then, with the comments that are still there under the numbers they had.
 */
export class RedisCommentLog implements CommentLog {
  readonly #shards: Shards;
  readonly #nodeId: string;
  readonly #prefix: string;
  readonly #onProblem: (problem: Error) => void;
  readonly #scripts = loadScripts();

  constructor(options: RedisCommentLogOptions) {
    this.#shards = options.shards;
    this.#nodeId = options.nodeId;
    this.#prefix = options.prefix ?? 'parley:';
    this.#onProblem = options.onProblem ?? (() => undefined);
  }

  async publish(channel: ChannelId, comments: readonly NewComment[], keep: KeepRule): Promise<readonly Published[]> {
    const { epoch, outcomes } = await this.#publish(channel, [
      encodeStart('comments', channel, tagBytes),
      keep.count,
      keep.forMs,
      forgetMs,
      ...comments.flatMap(argumentsOf),
    ]);
    return comments.map((_, at) => publishedOf(epoch, outcomes.slice(3 * at)));
  }

  async count(channel: ChannelId): Promise<ChannelCount> {
    const { epoch, last } = await this.#publish(channel, ['', 0, 0, forgetMs]);
    return { epoch, published: last };
  }

  async range(channel: ChannelId, { after, before, limit, fromEnd }: CommentRange): Promise<readonly Comment[]> {
    const { state, kept } = this.#keys(channel);
    const args = [String(after), String(before), limit, fromEnd ? 1 : 0];
    return ((await this.#run('range', [state, kept], args)) as Row[]).map(commentOfRow);
  }

  async delete(channel: ChannelId, number: bigint): Promise<boolean> {
    const { state, kept, shardChannel } = this.#keys(channel);
    const args = [String(number), shardChannel, encodeStart('comment-deleted', channel, tagBytes)];
    return (await this.#run('delete', [state, kept], args)) === 1;
  }

  async pin(channel: ChannelId, number: bigint): Promise<boolean> {
    const { state, kept, shardChannel } = this.#keys(channel);
    const event = encodeEvent({ type: 'channel-changed', channelId: channel }, tagBytes).fill(0, 0, tagBytes);
    return (await this.#run('pin', [state, kept], [String(number), shardChannel, event])) === 1;
  }

  async pinned(channel: ChannelId): Promise<Comment | undefined> {
    const row = (await this.#run('pinned', [this.#keys(channel).state], [])) as Row | null;
    return row === null ? undefined : commentOfRow(row);
  }

  async countListeners(channel: ChannelId, here: number | undefined): Promise<number> {
    const args = [listenersCountMs, this.#nodeId, here ?? ''];
    return Number(await this.#run('listeners', [this.#keys(channel).listeners], args));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#shards[Symbol.dispose]();
    return Promise.resolve();
  }

  #keys(channel: ChannelId): Keys {
    return keysOf(this.#prefix, channel);
  }

  async #publish(channel: ChannelId, args: readonly RedisArgument[]) {
    const { shardChannel, state, kept, ids, slow } = this.#keys(channel);
    const answer = await this.#run('publish', [state, kept, ids, slow], [shardChannel, ...args]);
    const [epoch, last, ...outcomes] = answer as [number, number, ...unknown[]];
    return { epoch: BigInt(epoch), last: BigInt(last), outcomes };
  }

  async #run(name: ScriptName, keys: readonly [string, ...string[]], args: readonly RedisArgument[]): Promise<unknown> {
    try {
      return await this.#scripts[name].run(this.#shards, keys, args);
    } catch (error) {
      // A link that is down is reported where it is looked after.
      if (!(error instanceof LinkDown)) this.#onProblem(new Error(`comments: ${name}.lua failed`, { cause: error }));
      throw new Refusal('STORE_UNAVAILABLE', 'comments cannot be reached just now: try again', { cause: error });
    }
  }
}

function argumentsOf(comment: NewComment): RedisArgument[] {
  const { clientMessageId, senderId, fingerprint, slowModeMs, repeatOnly, replyTo } = comment;
  const id = `${clientMessageId} ${senderId}`;
  return [id, fingerprint, repeatOnly === true ? -1 : slowModeMs, String(replyTo), encodeCommentStart(comment)];
}

function publishedOf(epoch: bigint, answer: readonly unknown[]): Published {
  const [outcome, number, createTimeMs] = answer as [Published['outcome'], number, number];
  switch (outcome) {
    case 'published':
    case 'duplicate':
      return { outcome, number: BigInt(number), epoch, createTimeMs };
    case 'unknown':
    case 'id-reused':
      return { outcome };
    case 'too-soon':
      return { outcome, retryAfterMs: number };
  }
}

function commentOfRow([number, fields]: Row): Comment {
  return commentOf(fields, BigInt(number));
}
