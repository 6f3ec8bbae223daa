// Reads a Dockerfile and carries it out in folders: each stage's root is a folder, its RUN lines run in it with the pinned
// Node. What it does not know it refuses, so that a line which is not carried out cannot pass for one that is.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { root as checkout, run } from '../../interop/toolchain.ts';

export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** What the last stage leaves for who runs the image. */
export interface Image {
  /** The folder that is its root. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly workdir: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
}

export function readDockerfile(file: string): Instruction[] {
  const text = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
      return { name, text: rest };
    });
}

/** Files of the checkout that a build may see: the last line of .dockerignore that names a file decides. */
export function contextFiles(): string[] {
  const rules = readFileSync(path.join(checkout, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ pattern: line.replace(/^!/, ''), keeps: line.startsWith('!') }));
  const isNamed = (file: string, pattern: string): boolean =>
    path.matchesGlob(file, pattern) || path.matchesGlob(file, `${pattern}/**`);
  const isKept = (file: string): boolean => rules.findLast(({ pattern }) => isNamed(file, pattern))?.keeps ?? true;
  const tops = readdirSync(checkout, { withFileTypes: true }).filter(({ name }) =>
    rules.some(({ pattern, keeps }) => keeps && pattern.split('/')[0] === name),
  );
  return tops
    .flatMap((top) =>
      top.isDirectory()
        ? readdirSync(path.join(checkout, top.name), { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => path.relative(checkout, path.join(entry.parentPath, entry.name)))
        : [top.name],
    )
    .filter(isKept);
}

/** Makes every stage under `scratch`. Needs what the machine's registry has, and root for files of other users. */
export async function carryOut(instructions: readonly Instruction[], scratch: string): Promise<Image> {
  const stages = new Map<string, string>();
  let image: { folder: string; env: Record<string, string>; user: string; workdir: string } | undefined;
  let [entrypoint, cmd]: [string[], string[]] = [[], []];
  const current = (): NonNullable<typeof image> => {
    if (image === undefined) throw new Error('an instruction stands before the first FROM');
    return image;
  };
  for (const { name, text } of instructions) {
    switch (name) {
      case 'ARG':
      case 'EXPOSE':
      case 'STOPSIGNAL':
        break;
      case 'FROM': {
        const stage = / AS (\w+)$/.exec(text)?.[1] ?? 'last';
        image = { folder: path.join(scratch, stage), env: {}, user: '', workdir: '/' };
        mkdirSync(image.folder);
        stages.set(stage, image.folder);
        break;
      }
      case 'ENV':
        for (const [, key = '', value = ''] of text.matchAll(/(\w+)=(\S+)/g)) current().env[key] = value;
        break;
      case 'WORKDIR':
        mkdirSync(path.join(current().folder, text), { recursive: true });
        current().workdir = text;
        break;
      case 'USER':
        current().user = text;
        break;
      case 'COPY':
        copy(current(), text, stages);
        break;
      case 'RUN': {
        const { folder, workdir } = current();
        // Absolute paths of the image are paths in its folder here.
        await run('sh', ['-ec', text.replaceAll(/ \/(?=data\b)/g, ` ${folder}/`)], {
          cwd: path.join(folder, workdir),
          env: { PATH: `${path.join(checkout, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}` },
        });
        break;
      }
      case 'ENTRYPOINT':
        entrypoint = JSON.parse(text) as string[];
        break;
      case 'CMD':
        cmd = JSON.parse(text) as string[];
        break;
      default:
        throw new Error(`this reader of Dockerfiles does not know ${name} ${text}`);
    }
  }
  return { ...current(), entrypoint, cmd };
}

function copy(
  { folder, workdir }: { readonly folder: string; readonly workdir: string },
  text: string,
  stages: ReadonlyMap<string, string>,
): void {
  const [, stage, list = ''] = /^(?:--from=(\w+) )?(.*)$/.exec(text) ?? [];
  const [target = '', ...sources] = list.split(' ').toReversed();
  const into = path.resolve('/', workdir, target);
  for (const source of sources) {
    const at = path.join(folder, into, target.endsWith('/') ? path.basename(source) : '');
    if (stage !== undefined) {
      const from = stages.get(stage);
      if (from === undefined) throw new Error(`COPY --from=${stage}: there is no such stage above`);
      cpSync(path.join(from, source), at, { recursive: true, verbatimSymlinks: true });
      continue;
    }
    const files = contextFiles().filter((file) => file === source || file.startsWith(`${source}/`));
    if (files.length === 0) throw new Error(`COPY ${source}: nothing of it is left by .dockerignore`);
    for (const file of files) {
      const to = file === source ? at : path.join(at, path.relative(source, file));
      mkdirSync(path.dirname(to), { recursive: true });
      if (!existsSync(to)) cpSync(path.join(checkout, file), to);
    }
  }
}
