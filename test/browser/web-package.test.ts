// The npm package of the Web SDK as somebody has it: installed into an empty Vite project, checked, built, measured, and run.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { packWeb } from '../../platform/web-package.ts';
import { startBrowser } from './support/browser.ts';
import { type Files, filesOf, serveSite } from './support/site.ts';

const root = path.resolve(import.meta.dirname, '../..');
/** What a page loads at once to be connected, send and receive, compressed, when it is built by Vite: its helper for `import()` included. */
const mostAtOnceBytes = 25 * 1024;
/** The same of a page that shows the list of threads and a thread. */
const mostWithThreadsBytes = 26.625 * 1024 + 200;
/** All files of a page that uses everything, also those that it loads later: where it stands, so that it does not grow. */
const mostBytes = 33.75 * 1024;
let project: string;
let readme: string;

beforeAll(async () => {
  readme = await readFile(path.join(root, 'clients/web/README.md'), 'utf8');
  await mkdir(path.join(root, '.cache'), { recursive: true });
  project = await mkdtemp(path.join(root, '.cache/web-project-'));
  const tarball = packWeb(path.join(project, 'package'));
  await writeFile(path.join(project, 'package.json'), JSON.stringify({ name: 'hello', private: true, type: 'module' }));
  const install = ['install', '--offline', '--no-audit', '--no-fund', '--legacy-peer-deps', tarball];
  execFileSync('npm', install, { cwd: project, stdio: 'pipe' });
  // What such a project has beside the package, without asking a registry.
  for (const name of ['vite', 'typescript', 'react', '@types/react', 'csstype']) {
    const link = path.join(project, 'node_modules', name);
    await mkdir(path.dirname(link), { recursive: true });
    await symlink(path.join(root, 'node_modules', name), link);
  }
  await mkdir(path.join(project, 'src'));
});
afterAll(() => rm(project, { recursive: true, force: true }));

/** Builds a module of the project as Vite does for production; answers the files. */
async function built(source: string, env: Readonly<Record<string, string>> = {}): Promise<Files> {
  await writeFile(path.join(project, 'src/main.ts'), source);
  await writeFile(
    path.join(project, 'index.html'),
    '<!doctype html><script type="module" src="/src/main.ts"></script>',
  );
  const define = Object.fromEntries(
    Object.entries(env).map(([name, value]) => [`import.meta.env.${name}`, JSON.stringify(value)]),
  );
  const result = await build({
    configFile: false,
    root: project,
    logLevel: 'error',
    define: { ...define, ...(Object.keys(env).length > 0 ? { 'import.meta.env': JSON.stringify(env) } : {}) },
    build: { write: false, target: 'es2024', assetsInlineLimit: 0, modulePreload: false },
  });
  return filesOf(result);
}

/** Compressed: of all scripts (what `ticker.ts` became, too), and of those that are not left for an `import()`. */
function bytesOf(files: Files): { readonly all: number; readonly atOnce: number; readonly later: readonly string[] } {
  const scripts = [...files].filter(([name]) => name.endsWith('.js'));
  const later = scripts
    .map(([name]) => name)
    .filter((name) => scripts.some(([, content]) => content.includes(`import(\`./${path.posix.basename(name)}\`)`)));
  let all = 0;
  let atOnce = 0;
  for (const [name, content] of scripts) {
    const { length } = gzipSync(content, { level: 9 });
    all += length;
    if (!later.includes(name)) atOnce += length;
  }
  // Vite puts a hash of eight characters behind the name; `-` may be one of them.
  return {
    all,
    atOnce,
    later: later.map((name) => path.posix.basename(name).replace(/-[\w-]{8}\.js$/, '')).toSorted(),
  };
}

function quickStart(): string {
  const code = /<!-- quick start -->\n```ts\n([^]*?)```/.exec(readme)?.[1];
  if (code === undefined) throw new Error('the README has no quick start');
  return code;
}

test('it type-checks in a strict project that looks into declarations, with nothing but a browser’s types', async () => {
  const react = "export { ParleyProvider, useThread, useThreads } from '@parley/web/react';\n";
  await writeFile(path.join(project, 'src/main.ts'), quickStart());
  await writeFile(path.join(project, 'src/hooks.ts'), react);
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'es2022',
    module: 'esnext',
    moduleResolution: 'bundler',
    lib: ['es2024', 'esnext.disposable', 'dom', 'dom.iterable'],
    types: ['vite/client'],
    skipLibCheck: false,
  };
  await writeFile(path.join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const check = (): string => {
    try {
      return execFileSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' });
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  };
  const complaints = check().split('\n');
  expect(complaints.filter((line) => /(?:^src|@parley)\//.test(line))).toEqual([]);
  await writeFile(path.join(project, 'src/hooks.ts'), `${react}export const wrong: number = openParley;\n`);
  expect(check()).toContain('openParley');
});

test('a page loads little at once; what it does not use is left out, and the whole does not grow', async () => {
  const using = async (names: string): Promise<ReturnType<typeof bytesOf>> =>
    bytesOf(await built(`import { ${names} } from '@parley/web';\nObject.assign(window, { ${names} });\n`));
  const least = await using('openParley');
  const threads = await using('openParley, textOf, threadsView, threadView');
  const whole = bytesOf(await built("import * as parley from '@parley/web';\nObject.assign(window, { parley });\n"));
  const told = [least, threads, whole].map(({ atOnce, all }) => `${atOnce} of ${all}`);
  console.log(`the SDK, bytes compressed, at once of all: ${told.join('; ')} (connected; with threads; everything)`);
  expect(whole.later).toEqual(['calls-more', 'sharing', 'tables-more']);
  expect(threads.all).toBeLessThan(whole.all - 1000);
  expect(least.atOnce).toBeLessThanOrEqual(mostAtOnceBytes);
  expect(threads.atOnce).toBeLessThanOrEqual(mostWithThreadsBytes);
  expect(whole.all).toBeLessThanOrEqual(mostBytes);
});

test('the quick start works as it stands in the README', async () => {
  await using platform: Platform = await startPlatform();
  const env = { VITE_PARLEY_URL: `http://${platform.gateway}`, VITE_TOKEN: await platform.token('alice') };
  const files = await built(quickStart(), env);
  await using site = await serveSite(files, { gateway: platform.gateway });
  const browser = await startBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(site.origin);
    await page.getByPlaceholder('Message Bob').fill('hello');
    await page.getByPlaceholder('Message Bob').press('Enter');
    await page.getByText('alice: hello').waitFor();
    await page.reload();
    await page.getByText('alice: hello').waitFor();
  } finally {
    await browser.close();
  }
});

test('the README names everything that it exports, and nothing else', async () => {
  const dist = path.join(project, 'package/dist/clients/web');
  expect((await readdir(dist)).includes('ticker.js')).toBe(true);
  const exported = new Set<string>();
  for (const match of (await readFile(path.join(dist, 'index.d.ts'), 'utf8')).matchAll(
    /export (?:type )?\{([^}]*)\}/g,
  )) {
    for (const name of match[1]?.split(',') ?? []) exported.add(name.trim());
  }
  const react = await readFile(path.join(dist, 'react/index.d.ts'), 'utf8');
  for (const match of react.matchAll(/export declare function (\w+)/g)) exported.add(match[1] ?? '');
  const table = /<!-- exports -->([^]*)<!-- \/exports -->/.exec(readme)?.[1] ?? '';
  const named = new Set<string>();
  for (const match of table.matchAll(/`([A-Za-z]+)[`(]/g)) named.add(match[1] ?? '');
  const members = ['client', 'connection', 'storage', 'role', 'signOut', 'close', 'reason'];
  expect([...named].filter((name) => !members.includes(name)).toSorted()).toEqual([...exported].toSorted());
});
