import { type Comment, sizeOfComment } from '../../core/comment.ts';
import type { ChannelId } from '../../core/ids.ts';
import type { FrameEncoder } from '../frames.ts';
import type { Piece } from './listening.ts';
import type { Heard } from './sample.ts';

/** A frame holds about so many bytes of comments: a few of them fit a stream's share of memory. */
const maxFrameBytes = 48 * 1_024;

/** Numbers that follow on one another: heard, or lost for good. */
export type Run =
  | { readonly kind: 'heard'; readonly from: bigint; to: bigint; readonly heard: Heard[] }
  | { readonly kind: 'lost'; readonly from: bigint; readonly to: bigint };

/** Appends a comment to the run that it continues. */
export function addHeard(runs: Run[], one: Heard): void {
  const { number } = one.comment;
  const last = runs.at(-1);
  if (last?.kind === 'heard') {
    last.heard.push(one);
    last.to = number;
  } else {
    runs.push({ kind: 'heard', from: number, to: number, heard: [one] });
  }
}

/** What stands for a run where these comments of it were chosen: every number of the run lies in one piece. */
export function piecesOf(
  encode: FrameEncoder,
  channelId: ChannelId,
  epoch: bigint,
  run: { readonly from: bigint; readonly to: bigint },
  chosen: readonly Comment[],
): Piece[] {
  const pieces: Piece[] = [];
  let { from } = run;
  let comments: Comment[] = [];
  let bytes = 0;
  const close = (to: bigint): void => {
    pieces.push({ bytes: encode({ type: 'comments', channelId, epoch, comments, from, to, deleted: [] }), from, to });
    from = to + 1n;
    comments = [];
    bytes = 0;
  };
  for (const comment of chosen) {
    const size = sizeOfComment(comment);
    if (comments.length > 0 && bytes + size > maxFrameBytes) close(comments.at(-1)?.number ?? from);
    comments.push(comment);
    bytes += size;
  }
  close(run.to);
  return pieces;
}

export function lostPiece(encode: FrameEncoder, channelId: ChannelId, from: bigint, to: bigint): Piece {
  return { bytes: encode({ type: 'channel-skipped', channelId, from, to, reason: 'not-retained' }), from, to };
}
