// A vitest reporter that writes what test/run.ts counts, as one JSON file. Unlike vitest's own JSON reporter it has
// what happens outside of tests too: a file that does not load, a hook that throws, an error nobody caught.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';

export type Tally = {
  passed: number;
  skipped: number;
  /** One line each, `file > suite > test` or `file: what went wrong`. */
  failures: string[];
};

const tallyFileVariable = 'TALLY_FILE';

export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly { message: string }[]): void {
    const file = process.env[tallyFileVariable];
    if (file === undefined) throw new Error(`${tallyFileVariable} is not set: this reporter belongs to test/run.ts`);
    const tally: Tally = {
      passed: 0,
      skipped: 0,
      failures: unhandled.map((error) => `uncaught: ${firstLine(error.message)}`),
    };
    for (const module of modules) addModule(tally, module);
    writeFileSync(file, JSON.stringify(tally));
  }
}

function addModule(tally: Tally, module: TestModule): void {
  const file = path.relative(process.cwd(), module.moduleId);
  for (const error of module.errors()) tally.failures.push(`${file}: ${firstLine(error.message)}`);
  for (const suite of module.children.allSuites()) {
    for (const error of suite.errors()) tally.failures.push(`${file} > ${suite.fullName}: ${firstLine(error.message)}`);
  }
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === 'passed') tally.passed++;
    else if (state === 'skipped') tally.skipped++;
    else tally.failures.push(`${file} > ${test.fullName}${state === 'pending' ? ' (did not end)' : ''}`);
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
