import type { CommentBatch } from '#proto/parley/v1/stream_service.ts';

/** Epochs of a channel that are told apart: streams are never further from each other. */
const maxEpochs = 4;

/** What was told of a channel: each number of an epoch once, on however many streams it comes. */
export class ChannelAccount {
  /** By epoch, the highest number that was told or skipped. */
  readonly #upTo = new Map<bigint, bigint>();

  /** Where the next stream goes on: the latest epoch. */
  get resume(): { readonly epoch: bigint; readonly afterNumber: bigint } | undefined {
    let latest: { epoch: bigint; afterNumber: bigint } | undefined;
    for (const [epoch, afterNumber] of this.#upTo) {
      if (latest === undefined || epoch > latest.epoch) latest = { epoch, afterNumber };
    }
    return latest;
  }

  /** Numbers of the epoch count above this one; nothing happens when it has begun. */
  begin(epoch: bigint, published: bigint): void {
    if (this.#upTo.has(epoch)) return;
    this.#upTo.set(epoch, published);
    const [oldest] = this.#upTo.keys();
    if (this.#upTo.size > maxEpochs && oldest !== undefined) this.#upTo.delete(oldest);
  }

  /** What of the batch was not told before; undefined = nothing. */
  take(batch: CommentBatch): CommentBatch | undefined {
    const upTo = this.#upTo.get(batch.epoch);
    if (upTo === undefined) return undefined;
    const { fromNumber, toNumber, comments } = batch;
    if (toNumber > upTo) this.#upTo.set(batch.epoch, toNumber);
    if (fromNumber > upTo) return batch;
    // Told before, and deleted since.
    const deleted = comments.filter((comment) => comment.number <= upTo && comment.deleted);
    const deletedNumbers = [...batch.deletedNumbers, ...deleted.map(({ number }) => number)];
    if (toNumber > upTo) {
      const fresh = comments.filter(({ number }) => number > upTo);
      return { ...batch, comments: fresh, fromNumber: upTo + 1n, deletedNumbers };
    }
    if (deletedNumbers.length === 0) return undefined;
    return { ...batch, comments: [], fromNumber: 0n, toNumber: 0n, deletedNumbers };
  }

  /** What of the numbers left out was not accounted for before; undefined = nothing. */
  skip(epoch: bigint, from: bigint, to: bigint): { readonly from: bigint; readonly to: bigint } | undefined {
    const upTo = this.#upTo.get(epoch);
    if (upTo === undefined || to <= upTo) return undefined;
    this.#upTo.set(epoch, to);
    return { from: from > upTo ? from : upTo + 1n, to };
  }
}
