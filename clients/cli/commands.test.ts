import { describe, expect, test } from 'vitest';
import { parseCommand } from './commands.ts';

describe('a line', () => {
  test.each([
    ['hello', { name: 'say', text: 'hello' }],
    ['//etc is a folder', { name: 'say', text: '/etc is a folder' }],
    ['/open bob', { name: 'open', user: 'bob' }],
    ['/join 3', { name: 'join', number: 3 }],
    ['/group tea bob  carol', { name: 'group', title: 'tea', users: ['bob', 'carol'] }],
    ['/back', { name: 'back', count: 50 }],
    ['/back 200', { name: 'back', count: 200 }],
    ['/edit better', { name: 'edit', target: undefined, text: 'better' }],
    ['/edit #12 two  words\nand a line', { name: 'edit', target: 12n, text: 'two  words\nand a line' }],
    ['/reply #7 yes', { name: 'reply', target: 7n, text: 'yes' }],
    ['/react 👍', { name: 'react', target: undefined, emoji: '👍', removed: false }],
    ['/unreact #4 👍', { name: 'react', target: 4n, emoji: '👍', removed: true }],
    ['/delete #9', { name: 'delete', target: 9n }],
    ['/mute', { name: 'mute', hours: Number.POSITIVE_INFINITY }],
    ['/mute 8', { name: 'mute', hours: 8 }],
    ['/members', { name: 'members' }],
    ['/quit', { name: 'quit' }],
  ])('%j is understood', (line, command) => {
    expect(parseCommand(line)).toEqual(command);
  });

  test.each(['/open', '/join x', '/join 0', '/group', '/back -1', '/edit', '/react #3', '/mute soon', '/nonsense'])(
    '%j is answered with what it should have been, and sends nothing',
    (line) => {
      expect(parseCommand(line)).toMatchObject({ name: 'wrong', why: expect.stringMatching(/\//u) });
    },
  );
});
