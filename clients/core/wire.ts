// Reads the few protobuf messages that the SDK needs by itself: the details of a google.rpc.Status. Carriers decode
// everything else. Generated code is not used here because core has no dependency at run time.

/** One field as it stands on the wire. Fixed-width fields are skipped. */
export interface WireField {
  readonly number: number;
  readonly value: bigint | Uint8Array;
}

/** Fields of a message in order. Throws a RangeError when the bytes are no protobuf message. */
export function readFields(bytes: Uint8Array): WireField[] {
  const fields: WireField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError('a protobuf message ends early');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RangeError('a protobuf number is too long');
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    switch (tag & 7) {
      case 0:
        fields.push({ number, value: varint() });
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = Number(varint());
        if (at + length > bytes.length) throw new RangeError('a protobuf message ends early');
        fields.push({ number, value: bytes.subarray(at, at + length) });
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new RangeError('a protobuf field has an unknown wire type');
    }
  }
  return fields;
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
