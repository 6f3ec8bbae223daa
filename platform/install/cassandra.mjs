// Cassandra without its distribution: the jars that the server consists of, fetched by Maven with their checksums.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { aptCommand } from './envoy.mjs';
import { cacheDir, onPath, Refusal, runVisibly, say } from './run.mjs';

const cassandraVersion = '5.0.9';
const home = path.join(cacheDir, `cassandra-${cassandraVersion}`);
const lib = path.join(home, 'lib');

export function locateCassandra() {
  const java = onPath('java');
  if (java === undefined || !existsSync(lib)) return undefined;
  const jamm = readdirSync(lib).find((name) => /^jamm-.*\.jar$/.test(name));
  if (jamm === undefined || !existsSync(path.join(lib, `cassandra-all-${cassandraVersion}.jar`))) return undefined;
  return { lib, jamm: path.join(lib, jamm), java };
}

export function installCassandra() {
  say(`installing Cassandra ${cassandraVersion} (once, 66 MB to download) …`);
  const maven = onPath('mvn');
  if (maven === undefined)
    throw new Refusal('Maven is missing, and Cassandra is fetched with it.', aptCommand('maven'));
  mkdirSync(cacheDir, { recursive: true });
  // What a killed installer left: under the lock nobody else builds.
  for (const name of readdirSync(cacheDir).filter((entry) => entry.startsWith('cassandra-building-'))) {
    rmSync(path.join(cacheDir, name), { recursive: true, force: true });
  }
  // Built aside and renamed when it is whole, so that whatever was interrupted starts over.
  const scratch = mkdtempSync(path.join(cacheDir, 'cassandra-building-'));
  try {
    writeFileSync(path.join(scratch, 'pom.xml'), pom());
    const finished = path.join(scratch, 'finished');
    runVisibly(
      maven,
      [
        '-q',
        '-B',
        '-f',
        path.join(scratch, 'pom.xml'),
        'dependency:copy-dependencies',
        `-DoutputDirectory=${finished}/lib`,
      ],
      cassandraRemedy(),
    );
    rmSync(home, { recursive: true, force: true });
    renameSync(finished, home);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

export function cassandraRemedy() {
  return 'Check the network and run the same command again, or leave its tests out with PARLEY_SKIP=cassandra.';
}

function pom() {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>parley</groupId>
  <artifactId>cassandra</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.cassandra</groupId>
      <artifactId>cassandra-all</artifactId>
      <version>${cassandraVersion}</version>
    </dependency>
  </dependencies>
</project>
`;
}
