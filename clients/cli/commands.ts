/** What a line asks for. */
export type Command =
  | { readonly name: 'say'; readonly text: string }
  | { readonly name: 'open'; readonly user: string }
  | { readonly name: 'join'; readonly number: number }
  | { readonly name: 'group'; readonly title: string; readonly users: readonly string[] }
  | { readonly name: 'add'; readonly users: readonly string[] }
  | { readonly name: 'remove'; readonly user: string }
  | { readonly name: 'leave' }
  | { readonly name: 'members' }
  | { readonly name: 'who' }
  | { readonly name: 'back'; readonly count: number }
  | { readonly name: 'edit'; readonly target: bigint | undefined; readonly text: string }
  | { readonly name: 'reply'; readonly target: bigint | undefined; readonly text: string }
  | { readonly name: 'react'; readonly target: bigint | undefined; readonly emoji: string; readonly removed: boolean }
  | { readonly name: 'delete'; readonly target: bigint | undefined }
  | { readonly name: 'mute'; readonly hours: number }
  | { readonly name: 'help' }
  | { readonly name: 'quit' }
  /** Nothing to do: `why` says what the line should have been. */
  | { readonly name: 'wrong'; readonly why: string };

/** One line each, for /help. */
export const help: readonly string[] = [
  '/open USER            a direct thread with somebody',
  '/group NAME A B C     a new group with these users',
  '/join N               the thread with this number in the list (Tab: the next one)',
  '/back [N]             N older messages (50); PgUp and PgDn turn pages',
  '/reply [#N] TEXT      answers a message (default: the last of somebody else’s)',
  '/edit [#N] TEXT       changes a message of yours (default: your last)',
  '/delete [#N]          erases it everywhere',
  '/react [#N] EMOJI     reacts; /unreact takes it back',
  '/members              who is in the thread, with presence',
  '/who                  your people, with presence',
  '/add USER…  /remove USER  /leave      the members of a group',
  '/mute [HOURS]         no notifications (for good); /mute 0 ends it',
  '/help  /quit          //text sends a message that begins with a slash',
  'Enter alone: tries at once to connect, when offline.   Alt-Enter: a new line.',
  'Marks: … on its way · ✓ sent · ✓✓ delivered · ✓✓ read · ✗ refused',
];

/** Reads a line. */
export function parseCommand(line: string): Command {
  if (!line.startsWith('/')) return { name: 'say', text: line };
  if (line.startsWith('//')) return { name: 'say', text: line.slice(1) };
  const [, word = '', rest = ''] = /^\/(\S*)\s*([\s\S]*)$/u.exec(line) ?? [];
  const words = rest.split(/\s+/u).filter((each) => each !== '');
  const [first] = words;
  switch (word) {
    case 'open':
      return first === undefined ? wrong('/open USER') : { name: 'open', user: first };
    case 'join': {
      const number = Number(first);
      return Number.isInteger(number) && number > 0 ? { name: 'join', number } : wrong('/join N, a number of the list');
    }
    case 'group': {
      const [title, ...users] = words;
      return title === undefined ? wrong('/group NAME USER…') : { name: 'group', title, users };
    }
    case 'add':
      return words.length === 0 ? wrong('/add USER…') : { name: 'add', users: words };
    case 'remove':
      return first === undefined ? wrong('/remove USER') : { name: 'remove', user: first };
    case 'back': {
      const count = first === undefined ? 50 : Number(first);
      return Number.isInteger(count) && count > 0 ? { name: 'back', count } : wrong('/back N');
    }
    case 'edit':
    case 'reply': {
      const { target, text } = targeted(rest);
      return text === '' ? wrong(`/${word} [#N] TEXT`) : { name: word, target, text };
    }
    case 'react':
    case 'unreact': {
      const { target, text } = targeted(rest);
      if (text === '') return wrong(`/${word} [#N] EMOJI`);
      return { name: 'react', target, emoji: text.trim(), removed: word === 'unreact' };
    }
    case 'delete':
      return { name: 'delete', target: targeted(rest).target };
    case 'mute': {
      const hours = first === undefined ? Number.POSITIVE_INFINITY : Number(first);
      return hours >= 0 ? { name: 'mute', hours } : wrong('/mute HOURS');
    }
    case 'leave':
    case 'members':
    case 'who':
    case 'help':
    case 'quit':
      return { name: word };
    default:
      return { name: 'wrong', why: `there is no /${word}: /help lists what there is` };
  }
}

function wrong(usage: string): Command {
  return { name: 'wrong', why: `write it so: ${usage}` };
}

/** `#12 text` names a message, `text` does not. */
function targeted(rest: string): { target: bigint | undefined; text: string } {
  const match = /^#(\d{1,15})(?:\s+([\s\S]*))?$/u.exec(rest);
  if (match === null) return { target: undefined, text: rest };
  return { target: BigInt(match[1] ?? '0'), text: match[2] ?? '' };
}
