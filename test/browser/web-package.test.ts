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
/** The whole SDK, compressed, when it is built by Vite: where it stands, so that it does not grow. It is to come down to 25 KiB. */
const mostBytes = 30.25 * 1024;
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

function bytesOf(files: Files): number {
  let bytes = 0;
  for (const [name, content] of files) if (name.endsWith('.js')) bytes += gzipSync(content, { level: 9 }).length;
  return bytes;
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

test('the whole of it does not grow; what is not used is left out', async () => {
  const whole = bytesOf(await built("import * as parley from '@parley/web';\nObject.assign(window, { parley });\n"));
  const some = "import { openParley, threadsView, threadView } from '@parley/web';\n";
  const part = bytesOf(await built(`${some}Object.assign(window, { openParley, threadsView, threadView });\n`));
  console.log(`the SDK: ${whole} bytes compressed; without channels and people ${part}`);
  expect(part).toBeLessThan(whole - 1000);
  expect(whole).toBeLessThanOrEqual(mostBytes);
});

test('the quick start works as it stands in the README', async () => {
  await using platform: Platform = await startPlatform();
  const env = { VITE_PARLEY_URL: `http://${platform.gateway}`, VITE_TOKEN: await platform.token('alice') };
  const files = await built(quickStart(), env);
  await using site = await serveSite(files, platform.gateway);
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
