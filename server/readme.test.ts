import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { settingsTable } from './config.ts';
import { Metrics } from './telemetry/metrics.ts';

const root = new URL('../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');

/** First cells of the table rows between two headings that begin with a code span. */
function namesIn(heading: string): string[] {
  const section = readme.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell]) =>
    [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ''),
  );
}

describe('The README', () => {
  it('has every setting of a node, with its default and what follows', () => {
    expect(readme).toContain(`<!-- settings -->\n${settingsTable()}\n<!-- /settings -->`);
  });

  it('has every metric of its own, and none that is not there', async () => {
    const metrics = new Metrics();
    const own = (await metrics.registry.getMetricsAsJSON())
      .map(({ name }) => name)
      .filter((name) => name.startsWith('parley_'));
    expect(namesIn('Metrics').toSorted()).toEqual(own.toSorted());
  });

  it('has a line for every runtime dependency, and none that is not there', () => {
    const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as Record<string, object>;
    const runtime = Object.keys({ ...manifest['dependencies'], ...manifest['optionalDependencies'] });
    expect(namesIn('Dependencies').toSorted()).toEqual(runtime.toSorted());
  });

  it('names only commands that there are', () => {
    const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { scripts: object };
    const named = [...readme.matchAll(/npm run (?:-s )?([a-z]+(?:[:-][a-z]+)*)/g)].map(([, name]) => name ?? '');
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});
