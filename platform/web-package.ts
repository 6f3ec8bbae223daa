// `npm run pack:web [-- FOLDER]`: makes the npm package of the Web SDK and prints the path of its tarball (default folder
// .cache/web-package). The package is modules as they are written, without types, for the bundler of who uses it; and declarations.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const source = path.join(root, 'clients/web');

/** Builds the package in a folder, which is emptied first; answers the tarball's path. */
export function packWeb(folder: string): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const dist = path.join(folder, 'dist');
  const project = path.join(folder, 'tsconfig.json');
  writeFileSync(
    project,
    JSON.stringify({
      extends: path.join(root, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        declaration: true,
        // Types are checked by `npm run check`; here only what imports by `#proto/` would be complained of.
        noCheck: true,
        rewriteRelativeImportExtensions: true,
        rootDir: root,
        outDir: dist,
        typeRoots: [path.join(root, 'node_modules/@types')],
      },
      include: [],
      files: ['index.ts', 'react/index.ts', 'ticker.ts'].map((name) => path.join(source, name)),
    }),
  );
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '--project', project], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  rmSync(project);
  for (const file of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    const whole = path.join(dist, file);
    // Of what is generated only the tables run; the rest is types.
    if (file.startsWith('proto/') && file.endsWith('.js') && !/\/tables(?:-more)?\.js$/.test(file)) rmSync(whole);
    else if (file.endsWith('.ts') || file.endsWith('.js')) {
      const up = path.posix.relative(path.posix.dirname(file), 'proto/gen');
      const text = readFileSync(whole, 'utf8').replaceAll(/#proto\/([\w/-]+)\.ts\b/g, `${up}/$1.js`);
      writeFileSync(whole, file.endsWith('.d.ts') ? declarations(text) : text);
    }
  }
  cpSync(path.join(source, 'package.template.json'), path.join(folder, 'package.json'));
  cpSync(path.join(source, 'README.md'), path.join(folder, 'README.md'));
  const packed = execFileSync('npm', ['pack', '--silent'], { cwd: folder, encoding: 'utf8' });
  return path.join(folder, packed.trim());
}

/** What generated declarations have for servers, for Node, and for codecs that are not in the package. */
const notForBrowsers =
  /^import .*["'](?:@grpc|@bufbuild)\/|^export interface \w+(?:Server|Client) |^export (?:declare const|type) \w+(?:Client|Definition)\b|MessageFns/;

/** Declarations that need no other package. */
function declarations(text: string): string {
  // Statements begin at the margin, with the comment before them.
  const statements = text.split(/^(?=\/\*\*|(?:export|import|interface|type|declare|\/\/)\b)/m);
  return statements
    .filter((statement) => !notForBrowsers.test(statement.split('{\n')[0] ?? ''))
    .join('')
    .replaceAll(/\bBuffer\b/g, 'Uint8Array')
    .replaceAll(/(from ['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2');
}

if (import.meta.main) console.log(packWeb(path.resolve(process.argv[2] ?? path.join(root, '.cache/web-package'))));
