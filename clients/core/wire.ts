// Reads protobuf's wire format: core itself the details of a google.rpc.Status, the carrier of browsers everything.
// Generated code is not used here because core has no dependency at run time.

/** One field as it stands on the wire. Fixed-width fields are skipped. */
export interface WireField {
  readonly number: number;
  readonly value: bigint | Uint8Array;
}

/** Fields of a message in order. Throws a RangeError when the bytes are no protobuf message. */
export function readFields(bytes: Uint8Array): WireField[] {
  const fields: WireField[] = [];
  const reader = { bytes, at: 0 };
  while (reader.at < bytes.length) {
    const tag = Number(varint(reader));
    const number = tag >>> 3;
    switch (tag & 7) {
      case 0:
        fields.push({ number, value: varint(reader) });
        break;
      case 1:
        reader.at += 8;
        break;
      case 2: {
        const length = Number(varint(reader));
        const end = reader.at + length;
        if (end > bytes.length) throw new RangeError('protobuf too short');
        fields.push({ number, value: bytes.subarray(reader.at, end) });
        reader.at = end;
        break;
      }
      case 5:
        reader.at += 4;
        break;
      default:
        throw new RangeError('protobuf wire type unknown');
    }
  }
  return fields;
}

interface Reader {
  readonly bytes: Uint8Array;
  at: number;
}

function varint(reader: Reader): bigint {
  // Most numbers fit into 28 bits: they are put together without bigints, which cost ten times as much.
  let low = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = byteOf(reader);
    low |= (byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt(low);
  }
  let value = BigInt(low);
  for (let shift = 28n; shift < 70n; shift += 7n) {
    const byte = byteOf(reader);
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw new RangeError('protobuf number too long');
}

function byteOf(reader: Reader): number {
  const byte = reader.bytes[reader.at];
  if (byte === undefined) throw new RangeError('protobuf too short');
  reader.at += 1;
  return byte;
}

/** The numbers of a packed field. Throws a RangeError when they end early. */
export function numbersOf(field: WireField): bigint[] {
  if (typeof field.value === 'bigint') return [field.value];
  const numbers: bigint[] = [];
  const reader = { bytes: field.value, at: 0 };
  while (reader.at < reader.bytes.length) numbers.push(varint(reader));
  return numbers;
}

const decoder = new TextDecoder();

/** The field's text; empty when it is no text. */
export function textOf(field: WireField): string {
  return typeof field.value === 'bigint' ? '' : decoder.decode(field.value);
}

/** The field's bytes; empty when it has none. */
export function bytesOf(field: WireField): Uint8Array {
  return typeof field.value === 'bigint' ? new Uint8Array() : field.value;
}

/** The field's number; 0 when it is none. */
export function numberOf(field: WireField): number {
  return typeof field.value === 'bigint' ? Number(BigInt.asIntN(64, field.value)) : 0;
}

/** Throws when it is none. */
export function bytesOfBase64(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
