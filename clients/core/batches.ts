import type { ClientFrame } from '#proto/parley/v1/stream_service.ts';

/** One OpenRequest or Submit takes no more than this. */
const mostFrames = 256;
const mostBytes = 256 * 1024;

/** How many frames, from the first on, fit into one request: at least one, if there are any. */
export function fitting(frames: readonly ClientFrame[]): number {
  let bytes = 0;
  const end = frames.findIndex((frame, index) => {
    bytes += bytesOf(frame);
    return index > 0 && (index >= mostFrames || bytes > mostBytes);
  });
  return end === -1 ? frames.length : end;
}

/** An upper bound of a frame's size: of what is no message, beside ids of threads and the like, a list of users or a token may be large. */
function bytesOf({ frame }: ClientFrame): number {
  if (frame?.$case !== 'send') return 512 + Object.values(frame?.value ?? {}).join('  ').length * 3;
  const { content, attachments, mentionIds } = frame.value;
  const body = content?.body;
  // A UTF-16 unit takes at most three bytes of UTF-8.
  const bodyBytes = body?.$case === 'text' ? body.value.length * 3 : (body?.value.length ?? 0);
  return 1024 + bodyBytes + attachments.length * 7500 + mentionIds.length * 400;
}
