import { recordsOf } from './level-log.ts';

/** Which files a LevelDB folder consists of, by its manifest. */
export interface Manifest {
  /** Number of the oldest log that is replayed when it opens; 0 = none yet. */
  readonly logNumber: number;
  /** Bytes of each table, by its number. */
  readonly tables: ReadonlyMap<number, number>;
}

// See the enum Tag in LevelDB's db/version_edit.cc.
const comparator = 1;
const logNumber = 2;
const nextFileNumber = 3;
const lastSequence = 4;
const compactPointer = 5;
const deletedFile = 6;
const newFile = 7;
const prevLogNumber = 9;

class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  skipBytes(): void {
    const length = this.varint();
    this.#at += length;
  }
}

/** Folds the edits of a manifest. @throws RangeError when it is not one */
export function readManifest(bytes: Buffer): Manifest {
  const tables = new Map<number, number>();
  let log = 0;
  for (const record of recordsOf(bytes)) {
    const fields = new Fields(record);
    while (!fields.ended) {
      const tag = fields.varint();
      if (tag === comparator) fields.skipBytes();
      else if (tag === logNumber) log = fields.varint();
      else if (tag === nextFileNumber || tag === lastSequence || tag === prevLogNumber) fields.varint();
      else if (tag === compactPointer) {
        fields.varint();
        fields.skipBytes();
      } else if (tag === deletedFile) {
        fields.varint();
        tables.delete(fields.varint());
      } else if (tag === newFile) {
        fields.varint();
        const number = fields.varint();
        tables.set(number, fields.varint());
        fields.skipBytes();
        fields.skipBytes();
      } else throw new RangeError(`a manifest has no field ${tag}`);
    }
  }
  return { logNumber: log, tables };
}
