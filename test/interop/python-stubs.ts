// Python stubs of the public API, and an interpreter that has what they import. test/wire uses them too.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { cached, root, run } from './toolchain.ts';

export type PythonStubs = {
  /** The interpreter of a venv with grpcio. */
  python: string;
  /** Folder of the generated packages: put it on PYTHONPATH. Gone after `remove`. */
  folder: string;
  remove(): void;
};

const requirements = path.join(root, 'test/interop/python/requirements.txt');

/** A venv of exactly test/interop/python/requirements.txt; a cold one takes about 20 s. */
async function venv(): Promise<string> {
  const version = await run('python3', ['--version'], { cwd: root });
  const versions = [version.toString(), readFileSync(requirements, 'utf8')];
  const folder = await cached('python', versions, async (scratch) => {
    // Only the interpreter of the venv is used, by path: nothing in it minds that the folder is renamed afterwards.
    await run('python3', ['-m', 'venv', scratch], { cwd: root });
    const pip = [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--only-binary=:all:',
      '-r',
      requirements,
    ];
    await run(path.join(scratch, 'bin/python'), pip, { cwd: root });
  });
  return path.join(folder, 'bin/python');
}

export async function pythonStubs(): Promise<PythonStubs> {
  const python = await venv();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'parley-python-'));
  const proto = path.join(root, 'proto');
  // As proto/README.md tells a stranger to do it.
  const files = ['parley', 'google/rpc'].flatMap((folder) =>
    readdirSync(path.join(proto, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.proto'))
      .map((file) => path.join(folder, file)),
  );
  const outs = ['--python_out', '--pyi_out', '--grpc_python_out'].map((flag) => `${flag}=${folder}`);
  await run(python, ['-m', 'grpc_tools.protoc', '-I', proto, ...outs, ...files], { cwd: root });
  return { python, folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
