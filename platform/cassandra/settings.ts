// What one Cassandra node is started with: its cassandra.yaml, its logging and its JVM's arguments.
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

export interface CassandraSettings {
  /** Made if it does not exist; everything of the node is in it. */
  readonly folder: string;
  readonly clusterName: string;
  readonly address: string;
  /** Where it speaks CQL. */
  readonly port: number;
  /** Where the nodes of a ring speak to each other: the same on all of them. */
  readonly storagePort: number;
  readonly jmxPort: number;
  readonly seeds: readonly string[];
  /** Other nodes are in the ring: then it waits for what they have to say. */
  readonly isRing: boolean;
  readonly heapMb: number;
  /**
   * `group` syncs, many writes at a time, before it answers. `periodic` is faster, and forgets what it said: up to 100 ms
   * of it when the process is killed (the marks by which its commit log is read are set so often), more when the power goes.
   */
  readonly commitLog: 'periodic' | 'group';
  /** Compiles in a hurry: half the CPU until it is warm, and slower from then on. For what lives minutes. */
  readonly isShortLived: boolean;
  /** Asks for user and password (at first cassandra, cassandra). */
  readonly password: boolean;
  /** Server's key and certificate as PKCS #12 with this password. */
  readonly tls?: { readonly keystore: string; readonly password: string };
}

const cores = availableParallelism();

const exports = [
  'java.base/jdk.internal.misc',
  'java.base/java.lang.ref',
  'java.base/sun.nio.ch',
  'java.management.rmi/com.sun.jmx.remote.internal.rmi',
  'java.rmi/sun.rmi.registry',
  'java.rmi/sun.rmi.server',
  'java.sql/java.sql',
  'jdk.unsupported/sun.misc',
];

const opens = [
  'java.lang.module',
  'jdk.internal.loader',
  'jdk.internal.ref',
  'jdk.internal.reflect',
  'jdk.internal.math',
  'jdk.internal.module',
  'jdk.internal.util.jar',
  'sun.nio.ch',
  'java.io',
  'java.lang',
  'java.util',
  'java.nio',
  'java.util.concurrent',
  'java.util.concurrent.atomic',
  'java.lang.reflect',
  'java.net',
].map((name) => `java.base/${name}`);

/** JSON is YAML. Absent settings keep Cassandra's defaults, but what holds memory is small: this is for one machine. */
function configOf(settings: CassandraSettings): object {
  const { folder, tls } = settings;
  return {
    cluster_name: settings.clusterName,
    partitioner: 'org.apache.cassandra.dht.Murmur3Partitioner',
    num_tokens: 4,
    auto_bootstrap: false,
    data_file_directories: [path.join(folder, 'data')],
    commitlog_directory: path.join(folder, 'commitlog'),
    saved_caches_directory: path.join(folder, 'saved-caches'),
    hints_directory: path.join(folder, 'hints'),
    cdc_raw_directory: path.join(folder, 'cdc'),
    ...(settings.commitLog === 'periodic'
      ? { commitlog_sync: 'periodic', commitlog_sync_period: '10000ms' }
      : { commitlog_sync: 'group', commitlog_sync_group_window: '2ms' }),
    commitlog_total_space: '512MiB',
    commitlog_segment_size: '16MiB',
    commitlog_disk_access_mode: 'legacy',
    // Flushed seldom: a conditional write reads what it is conditional on, in files much slower than in memory.
    memtable_allocation_type: 'offheap_objects',
    memtable_heap_space: '160MiB',
    memtable_offheap_space: '256MiB',
    memtable_cleanup_threshold: 0.5,
    // A thread for each of hundreds of requests under way costs few cores more than the requests do.
    native_transport_max_threads: cores * 12,
    concurrent_writes: cores * 8,
    concurrent_reads: cores * 4,
    file_cache_size: '64MiB',
    key_cache_size: '16MiB',
    endpoint_snitch: 'SimpleSnitch',
    seed_provider: [
      {
        class_name: 'org.apache.cassandra.locator.SimpleSeedProvider',
        parameters: [{ seeds: settings.seeds.map((seed) => `${seed}:${settings.storagePort}`).join(',') }],
      },
    ],
    listen_address: settings.address,
    rpc_address: settings.address,
    storage_port: settings.storagePort,
    native_transport_port: settings.port,
    paxos_variant: 'v2',
    authenticator: settings.password ? 'PasswordAuthenticator' : 'AllowAllAuthenticator',
    ...(settings.password ? { authorizer: 'CassandraAuthorizer' } : {}),
    ...(tls === undefined
      ? {}
      : {
          client_encryption_options: {
            enabled: true,
            optional: false,
            keystore: tls.keystore,
            keystore_password: tls.password,
            store_type: 'PKCS12',
            require_client_auth: false,
          },
        }),
  };
}

function logging(folder: string): string {
  return `<configuration>
  <appender name="FILE" class="ch.qos.logback.core.FileAppender">
    <file>${path.join(folder, 'system.log')}</file>
    <encoder><pattern>%-5level %date{ISO8601} %logger{0} %msg%n</pattern></encoder>
  </appender>
  <appender name="STDOUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="FILE" /><appender-ref ref="STDOUT" /></root>
</configuration>
`;
}

/** Writes the node's configuration and gives the arguments of `java`. */
export async function prepareCassandra(lib: string, jamm: string, settings: CassandraSettings): Promise<string[]> {
  const { folder } = settings;
  const conf = path.join(folder, 'conf');
  await mkdir(conf, { recursive: true });
  const config = path.join(conf, 'cassandra.yaml');
  const logback = path.join(conf, 'logback.xml');
  await writeFile(config, JSON.stringify(configOf(settings), null, 1));
  await writeFile(logback, logging(folder));
  return [
    `-Xms${settings.heapMb}m`,
    `-Xmx${settings.heapMb}m`,
    '-Xss512k',
    '-XX:+UseG1GC',
    '-XX:+ExitOnOutOfMemoryError',
    ...(settings.isShortLived ? ['-XX:TieredStopAtLevel=1'] : []),
    '-Djdk.attach.allowAttachSelf=true',
    `-Dcassandra.config=${pathToFileURL(config).href}`,
    `-Dcassandra.storagedir=${folder}`,
    `-Dcassandra.jmx.local.port=${settings.jmxPort}`,
    `-Dlogback.configurationFile=${logback}`,
    // Otherwise it closes its standard output once it is up.
    '-Dcassandra-foreground=yes',
    '-Dcassandra.libjemalloc=-',
    '-Dcassandra.superuser_setup_delay_ms=0',
    ...(settings.isRing
      ? ['-Dcassandra.ring_delay_ms=3000', '-Dcassandra.consistent.rangemovement=false']
      : ['-Dcassandra.ring_delay_ms=1', '-Dcassandra.skip_wait_for_gossip_to_settle=0']),
    ...exports.map((name) => `--add-exports=${name}=ALL-UNNAMED`),
    ...opens.map((name) => `--add-opens=${name}=ALL-UNNAMED`),
    '--add-opens=jdk.management/com.sun.management.internal=ALL-UNNAMED',
    `-javaagent:${jamm}`,
    '-cp',
    `${conf}:${lib}/*`,
    'org.apache.cassandra.service.CassandraDaemon',
  ];
}
