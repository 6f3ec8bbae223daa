import type { Comment } from '../../core/comment.ts';
import type { DeliveryClass } from './channel.ts';

/** A comment as the node heard it: with the second it was numbered in, and how many the second before had. */
export interface Heard {
  readonly comment: Comment;
  readonly epoch: bigint;
  readonly second: number;
  readonly perSecond: number;
}

/**
 * Chooses what a delivery class is told. All that it goes by stands in the comments, so that every node chooses the same: a hash of the number
 * against the ratio that the second before asks for, and no more than the rate in one second. (A node that begins to listen amid a second counts
 * from there.)
 */
export class Sample {
  readonly #class: DeliveryClass;
  #second = -1;
  #shown = 0;

  constructor(deliveryClass: DeliveryClass) {
    this.#class = deliveryClass;
  }

  /** In their order. Whatever moderators say is among them. */
  choose(heard: readonly Heard[]): readonly Comment[] {
    if (this.#class.kind === 'everything') return heard.map(({ comment }) => comment);
    if (this.#class.kind === 'latest') {
      const last = heard.length - 1;
      return heard.filter(({ comment }, at) => at === last || comment.moderator).map(({ comment }) => comment);
    }
    const { maxRate } = this.#class;
    const chosen: Comment[] = [];
    for (const { comment, epoch, second, perSecond } of heard) {
      if (second !== this.#second) {
        this.#second = second;
        this.#shown = 0;
      }
      if (comment.moderator) {
        chosen.push(comment);
      } else if (this.#shown < maxRate && isIn(comment.number, epoch, perSecond <= maxRate ? 1 : maxRate / perSecond)) {
        this.#shown += 1;
        chosen.push(comment);
      }
    }
    return chosen;
  }
}

/** Whether the hash of a number lies below the ratio. */
function isIn(number: bigint, epoch: bigint, ratio: number): boolean {
  return ratio >= 1 || mix(Number(number & 0xffff_ffffn) ^ Number(epoch & 0xffff_ffffn)) < ratio * 0x1_0000_0000;
}

/** Spreads neighbouring numbers evenly over 32 bits (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
