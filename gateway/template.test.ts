import { expect, test } from 'vitest';
import { renderTemplate } from './template.ts';

test('a setting becomes a JSON value, so that no value changes the structure around it', () => {
  const nasty = 'x: 1\n- "y" # ${port}';
  expect(renderTemplate('a: ${text}\nb: [${port}, ${list}]', { text: nasty, port: 80, list: [{ c: 1 }] })).toBe(
    `a: ${JSON.stringify(nasty)}\nb: [80, [{"c":1}]]`,
  );
});

test('an unknown name stops the rendering and says where', () => {
  expect(() => renderTemplate('a: 1\nb: ${prot}', { port: 80 })).toThrow('line 2: there is no setting "prot"');
});

test('a setting that no line uses stops the rendering', () => {
  expect(() => renderTemplate('a: 1', { port: 80 })).toThrow('no line uses the setting "port"');
});

test('a setting without a value is refused where it is needed, and not where its lines are left out', () => {
  expect(() => renderTemplate('a: ${cert}', { cert: undefined })).toThrow('line 1: the setting "cert" has no value');
  expect(renderTemplate('# if tls\na: ${cert}\n# end\nb: 1', { cert: undefined, tls: false })).toBe('\nb: 1');
});

test('lines between "if" and "end" stay when the setting is on, also nested and after a dash', () => {
  const text = '- # if outer\n  a: 1\n  # if inner\n  b: 2\n  # end\n  # end\n  c: 3';
  const lines = (outer: boolean, inner: boolean): string[] =>
    renderTemplate(text, { outer, inner })
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
  expect(lines(true, true)).toEqual(['-', 'a: 1', 'b: 2', 'c: 3']);
  expect(lines(true, false)).toEqual(['-', 'a: 1', 'c: 3']);
  expect(lines(false, true)).toEqual(['-', 'c: 3']);
});

test.each(['# if on\na: ${on}', 'a: ${on}\n# end'])('an unbalanced block stops the rendering: %j', (text) => {
  expect(() => renderTemplate(text, { on: true })).toThrow(/"# (if|end)" without/);
});
