export interface LocatedCassandra {
  /** Folder of its jars. */
  readonly lib: string;
  /** The jar that measures objects, without which Cassandra does not start. */
  readonly jamm: string;
  /** Path of a JVM that it runs on. */
  readonly java: string;
}

/** Undefined when it is not installed. */
export function locateCassandra(): LocatedCassandra | undefined;
