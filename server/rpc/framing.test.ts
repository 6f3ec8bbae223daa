import { expect, test } from 'vitest';
import { Framing } from './framing.ts';

test('a message that several streams are told is framed once, also between others', () => {
  const framing = new Framing();
  const [one, two] = [Buffer.from('one'), Buffer.from('two!')];
  const framed = framing.framed(one);
  expect([...framed.subarray(0, 5)]).toEqual([0, 0, 0, 0, 3]);
  expect(String(framed.subarray(5))).toBe('one');
  expect(String(framing.framed(two).subarray(5))).toBe('two!');
  expect(framing.framed(one)).toBe(framed);
});

test('the same words in another message are framed by themselves, and few are remembered', () => {
  const framing = new Framing();
  const one = Buffer.from('one');
  const framed = framing.framed(one);
  expect(framing.framed(Buffer.from('one'))).not.toBe(framed);
  for (let n = 0; n < 8; n += 1) framing.framed(Buffer.from(`message ${n}`));
  expect(framing.framed(one)).not.toBe(framed);
  expect(framing.framed(one)).toEqual(framed);
});
