import { BinaryReader } from '@bufbuild/protobuf/wire';

/**
 * A reader that refuses strings that are not UTF-8, as proto3 asks. Without it broken bytes become U+FFFD, and what
 * is stored is not what was sent.
 */
export function strictReader(bytes: Uint8Array): BinaryReader {
  return new BinaryReader(bytes, decodeStrictly);
}

// Stateless: each decode begins anew.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeStrictly(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}
