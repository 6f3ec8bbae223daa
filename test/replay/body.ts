/**
 * How the bytes of a line travel in a message, so that nothing is altered:
 *
 * | line | content |
 * | --- | --- |
 * | message, valid UTF-8 | text: any Parley client can read it |
 * | message, other bytes | opaque, `text/plain; charset=unknown-8bit` (RFC 1428) |
 * | action, any bytes | opaque, `text/x-irc-action`, or with `; charset=unknown-8bit` if it is no UTF-8 |
 *
 * An action's bytes are what follows the nick. The content type alone tells it from a message with the same text.
 */
import type { IrcLine } from './irc.ts';

/** Content as the history records it: an empty content type means text, whose bytes are its UTF-8. */
export interface Body {
  contentType: string;
  bytes: Buffer;
}

export const actionType = 'text/x-irc-action';
const unknownCharset = '; charset=unknown-8bit';

export function bodyOf(line: Extract<IrcLine, { text: Buffer }>): Body {
  const valid = isUtf8(line.text);
  if (line.kind === 'action') return { contentType: actionType + (valid ? '' : unknownCharset), bytes: line.text };
  return { contentType: valid ? '' : `text/plain${unknownCharset}`, bytes: line.text };
}

/** The text of a body without content type. Keeps a byte order mark, which TextDecoder drops unless told. */
export function textOf(body: Body): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body.bytes);
}

function isUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
