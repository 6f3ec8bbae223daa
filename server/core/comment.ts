import type { UserId } from './ids.ts';

/** What was said on a channel, at its place. Frozen once made: every session that hears it shares it. */
export interface Comment {
  /** 1, 2, 3 … within the channel's epoch. */
  readonly number: bigint;
  readonly senderId: UserId;
  readonly clientMessageId: string;
  /** Empty once deleted. */
  readonly text: string;
  /** Wall ms of the authority that numbered it. */
  readonly createTimeMs: number;
  /** Number of the comment that it answers; 0 = none. */
  readonly replyTo: bigint;
  /** Who wrote that one; empty = none, or not kept when this one was numbered. */
  readonly replyToSenderId: UserId;
  readonly mentions: readonly UserId[];
  /** A moderator wrote it. */
  readonly moderator: boolean;
  readonly deleted: boolean;
}

/** A comment that has no number yet. */
export interface NewComment extends Pick<
  Comment,
  'senderId' | 'clientMessageId' | 'text' | 'replyTo' | 'mentions' | 'moderator'
> {
  /** Tells a repeat from a reuse of the id: a hash of what was said. */
  readonly fingerprint: string;
  /** Ms that must have passed since the sender's last comment here; 0 = none need to. */
  readonly slowModeMs: number;
  /** It may not be said now: it is only asked whether it was before. */
  readonly repeatOnly?: boolean;
}

/** What a channel's comments have come to. */
export interface ChannelCount {
  /** Later than that of any numbering before. Above 0. */
  readonly epoch: bigint;
  /** The last number given; 0 = none yet. */
  readonly published: bigint;
}

/** What is left of a deleted comment: not what it said, nor whom it mentioned. */
export function erased(comment: Comment): Comment {
  return { ...comment, text: '', mentions: [], deleted: true };
}

/** Approximate bytes on the wire; for bounds, not for billing. */
export function sizeOfComment({ senderId, clientMessageId, text, mentions }: Comment | NewComment): number {
  let size = 48 + senderId.length + clientMessageId.length + Buffer.byteLength(text);
  for (const mention of mentions) size += mention.length + 4;
  return size;
}
