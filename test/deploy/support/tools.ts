// Programs that judge what is deployed, each built once from its registry at a pinned version and kept in the cache folder.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { cached, goEnv, root, run } from '../../interop/toolchain.ts';

const kustomize = 'sigs.k8s.io/kustomize/kustomize/v5@v5.7.1';

/** Carries the JSON schemas of Kubernetes' own API description, strict: an unknown field is an error. */
const schemas = 'kubernetes-validate==1.37.0';
/** An older and a current version of Kubernetes. */
const kubernetesVersions = ['1.31.0', '1.37.0'];

export interface ComposeProject {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
}

export interface ComposeService {
  readonly environment: Readonly<Record<string, string>>;
  readonly command: readonly string[] | null;
  readonly networks?: Readonly<Record<string, unknown>>;
  readonly ports?: readonly { readonly host_ip?: string; readonly target: number }[];
  readonly volumes?: readonly { readonly source: string; readonly target: string }[];
  readonly secrets?: readonly { readonly source: string; readonly target: string }[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly stop_grace_period?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

/** Loads files of deploy/ as Docker Compose does; throws with its words when it would refuse them. */
export async function loadCompose(files: readonly string[], env: Record<string, string> = {}): Promise<ComposeProject> {
  const source = path.join(root, 'test/deploy/compose');
  const inputs = ['main.go', 'go.mod', 'go.sum'].map((file) => readFileSync(path.join(source, file)));
  const hash = createHash('sha256').update(Buffer.concat(inputs)).digest('hex');
  const folder = await cached('deploy-compose', [hash], async (scratch) => {
    await run('go', ['build', '-o', path.join(scratch, 'compose'), '.'], { cwd: source, env: goEnv });
  });
  const text = await run(path.join(folder, 'compose'), files, { cwd: path.join(root, 'deploy'), env });
  return JSON.parse(text.toString()) as ComposeProject;
}

/** What `kubectl apply -k` would apply. */
export async function buildKustomization(folder: string): Promise<string> {
  const tools = await cached('deploy-kustomize', [kustomize], async (scratch) => {
    await run('go', ['install', kustomize], { cwd: scratch, env: { ...goEnv, GOBIN: scratch } });
  });
  return (await run(path.join(tools, 'kustomize'), ['build', folder], { cwd: folder })).toString();
}

async function python(): Promise<string> {
  const version = await run('python3', ['--version'], { cwd: root });
  const folder = await cached('deploy-schemas', [version.toString(), schemas], async (scratch) => {
    await run('python3', ['-m', 'venv', scratch], { cwd: root });
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', schemas];
    await run(path.join(scratch, 'bin/python'), install, { cwd: root });
  });
  return path.join(folder, 'bin/python');
}

/** Throws with what does not fit the schemas of Kubernetes. */
export async function validateManifests(file: string): Promise<void> {
  const interpreter = await python();
  for (const version of kubernetesVersions) {
    await run(interpreter, ['-m', 'kubernetes_validate', '--strict', '--quiet', '-k', version, file], { cwd: root });
  }
}

/** The documents of a YAML file. */
export async function readYaml(file: string): Promise<unknown[]> {
  const code = 'import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))';
  const text = await run(await python(), ['-c', code, file], { cwd: root });
  return JSON.parse(text.toString()) as unknown[];
}
