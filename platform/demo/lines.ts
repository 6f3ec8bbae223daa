import { readFile } from 'node:fs/promises';
import path from 'node:path';

export interface DemoLine {
  readonly nick: string;
  readonly text: string;
  /** Index of an earlier line that it answers: the last one of whom it speaks to. */
  readonly answers: number | undefined;
  /** Whom it speaks to. */
  readonly to: string | undefined;
}

/** How far back an answer is looked for. */
const reach = 12;

/** Reads a log of `[hh:mm] <nick> text` lines. Who is spoken to stands in front, as IRC has it: `nick: text`. */
export async function demoLines(name: 'group' | 'comments'): Promise<DemoLine[]> {
  const text = await readFile(path.join(import.meta.dirname, `${name}.txt`), 'utf8');
  const said = [...text.matchAll(/^\[\d\d:\d\d\] <([^ >]+)> (.+)$/gm)].map(([, nick = '', words = '']) => ({
    nick,
    words,
  }));
  const nicks = new Set(said.map(({ nick }) => nick));
  return said.map(({ nick, words }, index) => {
    const [, spokenTo = ''] = /^@?([^\s:,]+)[:,] /.exec(words) ?? [];
    const to = nicks.has(spokenTo) && spokenTo !== nick ? spokenTo : undefined;
    const found = to === undefined ? -1 : said.findLastIndex((it, at) => at < index && it.nick === to);
    return {
      nick,
      text: words.trim(),
      to,
      answers: found >= 0 && found >= index - reach && found < index - 1 ? found : undefined,
    };
  });
}
