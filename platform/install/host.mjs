// Which machines Parley's set-up knows, said before anything is downloaded.
import { existsSync } from 'node:fs';
import { Refusal } from './run.mjs';

const linuxArchitectures = ['x64', 'arm64'];

/** True on a machine that the set-up knows; throws a Refusal that says why not otherwise. */
export function checkHost() {
  if (Number(process.versions.node.split('.')[0]) < 20) {
    throw new Refusal(
      `Node ${process.versions.node} is too old to install with.`,
      'Install Node 20 or later: https://nodejs.org',
    );
  }
  switch (process.platform) {
    case 'linux':
      if (!linuxArchitectures.includes(process.arch)) {
        throw new Refusal(
          `Linux on ${process.arch} is not supported.`,
          'Use a machine with an x64 or arm64 processor.',
        );
      }
      if (usesMusl()) {
        throw new Refusal(
          'this Linux uses musl (Alpine, for example); Envoy and the pinned Node exist for glibc only.',
          'Use a glibc distribution such as Debian, Ubuntu or Fedora (as a container: debian:12-slim).',
        );
      }
      return true;
    case 'darwin':
      if (Number(process.versions.node.split('.')[0]) < 24) {
        throw new Refusal(
          `on a Mac Parley runs on your own Node, and ${process.versions.node} is older than 24.`,
          'brew install node@24',
        );
      }
      return true;
    default:
      throw new Refusal(
        `${process.platform === 'win32' ? 'Windows' : process.platform} is not supported: Envoy does not exist for it.`,
        'On Windows, use WSL 2 with Ubuntu or Debian: wsl --install -d Debian',
      );
  }
}

function usesMusl() {
  // The report costs tens of milliseconds, so it is asked only where a musl loader exists (which glibc systems may have too).
  if (!existsSync(`/lib/ld-musl-${process.arch === 'x64' ? 'x86_64' : 'aarch64'}.so.1`)) return false;
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime === undefined;
}
