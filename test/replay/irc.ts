/**
 * Reads an IRC log of the form that ../shared/data/ubuntu-irc/README.md describes, byte for byte: the text of a
 * message is a slice of the file, never decoded. No input is fatal: a line of no form comes out as `skipped`.
 *
 * Decided here, because the description leaves it open:
 * - A line ends with LF. One CR before it belongs to the line's end: IRC ends lines with CRLF and allows no CR in text.
 * - An action may have more than one space after the time: every action in the ten files has two.
 * - A nick in `<…>` may be padded with spaces (`<brad[] >`); it is the nick without them.
 * - A message or action without text has no form: there is nothing to send.
 * - Only `=== nick [host]  has joined #…` and `has left #…` change membership. Without the bracket they may be
 *   someone's action (`=== bob has left #work for the day`), so they are notices.
 */

/** A nick, one character per byte (latin1), so that nicks of any bytes compare exactly. */
export type Nick = string;

export type IrcLine =
  | {
      kind: 'message' | 'action';
      /** Line number in the file, from 1. */
      number: number;
      /** Minutes since midnight. */
      minute: number;
      nick: Nick;
      text: Buffer;
    }
  | { kind: 'join' | 'leave'; number: number; nick: Nick }
  | { kind: 'rename'; number: number; nick: Nick; to: Nick }
  | { kind: 'notice'; number: number }
  | { kind: 'skipped'; number: number; reason: 'no form' | 'no text' | 'too long' };

/** The most that one message may hold in Parley, in bytes; a longer text cannot be sent. */
export const maxTextBytes = 65_536;

const time = String.raw`^\[([01]\d|2[0-3]):([0-5]\d)\] `;
const messageForm = new RegExp(String.raw`${time}<([^ <>]+) *>( ?)(.*)$`, 's');
const actionForm = new RegExp(String.raw`${time} *\* ([^ ]+)( ?)(.*)$`, 's');
const membershipForm = /^=== ([^ ]+) +\[[^ ]*\] +has (joined|left) #/s;
const renameForm = /^=== ([^ ]+) is now known as ([^ ]+) *$/s;

export function* parseIrc(file: Buffer): Generator<IrcLine> {
  let number = 0;
  for (let from = 0; from < file.length;) {
    const newline = file.indexOf(0x0a, from);
    const end = newline === -1 ? file.length : newline;
    const textEnd = newline !== -1 && end > from && file[end - 1] === 0x0d ? end - 1 : end;
    number += 1;
    yield parseLine(file.subarray(from, textEnd), number);
    from = end + 1;
  }
}

function parseLine(bytes: Buffer, number: number): IrcLine {
  // One character per byte: a position in `line` is a position in `bytes`.
  const line = bytes.toString('latin1');
  if (line.startsWith('===')) return parseServerLine(line, number);
  const message = messageForm.exec(line);
  const found = message ?? actionForm.exec(line);
  if (!found) return { kind: 'skipped', number, reason: 'no form' };
  const [, hours = '', minutes = '', nick = '', space = '', text = ''] = found;
  if (text === '') return { kind: 'skipped', number, reason: 'no text' };
  if (space === '') return { kind: 'skipped', number, reason: 'no form' };
  if (text.length > maxTextBytes) return { kind: 'skipped', number, reason: 'too long' };
  return {
    kind: message ? 'message' : 'action',
    number,
    minute: Number(hours) * 60 + Number(minutes),
    nick,
    text: bytes.subarray(bytes.length - text.length),
  };
}

function parseServerLine(line: string, number: number): IrcLine {
  const membership = membershipForm.exec(line);
  if (membership) {
    return { kind: membership[2] === 'joined' ? 'join' : 'leave', number, nick: membership[1] ?? '' };
  }
  const rename = renameForm.exec(line);
  if (rename) return { kind: 'rename', number, nick: rename[1] ?? '', to: rename[2] ?? '' };
  return { kind: 'notice', number };
}
