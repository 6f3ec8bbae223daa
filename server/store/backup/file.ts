// The file of a backup: one line of text with the format's version, then blocks. A block is its length (4 bytes, big endian),
// the CRC-32 of what follows (4), a letter for what it is (1), and its bytes.
//
//   H   header, JSON: the first block
//   I   items, each with its length (4) before it
//   E   end, JSON: the counts, and the SHA-256 of everything before this block. Nothing follows it

/** What this release writes, and the highest that it reads. */
export const formatVersion = 2;
export const firstLine = (version: number): string => `parley-backup ${version}\n`;
export const prefixBytes = 9;
/** Items are gathered up to this. */
export const blockBytes = 256 * 1024;
/** An item is at most some hundred KiB beyond that; what says to be longer is damage. */
export const maxBlockBytes = 16 * 1024 * 1024;

export interface BackupHeader {
  /** Wall ms when it was begun. */
  readonly createMs: number;
  readonly store: 'embedded' | 'cassandra';
  readonly epoch: bigint;
}

export interface BackupCounts {
  logs: number;
  entries: number;
  positions: number;
  devices: number;
  seen: number;
  secrets: number;
  /** Not in format 1. */
  deviceRecords: number;
}

export function noCounts(): BackupCounts {
  return { logs: 0, entries: 0, positions: 0, devices: 0, seen: 0, secrets: 0, deviceRecords: 0 };
}

export function shown(counts: BackupCounts): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name}=${count}`)
    .join(' ');
}
