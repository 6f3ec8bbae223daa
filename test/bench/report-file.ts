// `npm run bench -- report FILE … [--out FILE]`.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError } from './args.ts';
import { readResults, reportPage } from './report-page.ts';

/** Writes the page and gives where. @throws UsageError */
export async function writePage(args: readonly string[]): Promise<string> {
  const { files, out } = readFileArgs(args);
  const texts = files.map((file) =>
    readFile(file, 'utf8').catch((error: unknown) => {
      throw new UsageError((error as Error).message);
    }),
  );
  const results = (await Promise.all(texts)).flatMap(readResults);
  if (results.length === 0) throw new UsageError(`no result of a bench is in ${files.join(', ')}`);
  await writeFile(out, reportPage(results));
  return path.resolve(out);
}

function readFileArgs(args: readonly string[]): { files: readonly string[]; out: string } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { out: { type: 'string' } },
      allowPositionals: true,
    });
    if (positionals.length === 0) throw new UsageError('report of which files?');
    return { files: positionals, out: values.out ?? 'report.html' };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message);
  }
}
