import { messages, services } from '#proto/tables.ts';
import type { ListenRequest, ListenResponse, SubmitRequest, SubmitResponse } from '#proto/parley/v1/stream_service.ts';
import type { Path, RequestOf, ResponseOf } from '../core/methods.ts';
import { bytesOf, numbersOf, readFields, textOf } from '../core/wire.ts';
import type { WireField } from '../core/wire.ts';

/** To bytes and back, for one call. */
export interface Codec<Q, R> {
  encode(request: Q): Uint8Array;
  /** @throws RangeError when the bytes are no such message. */
  decode(bytes: Uint8Array): R;
}

interface Field {
  readonly name: string;
  /** Its oneof. */
  readonly group: string | undefined;
  readonly repeated: boolean;
  readonly optional: boolean;
  readonly number: number;
  /** A letter of proto/gen/tables.ts. */
  readonly kind: string;
  /** The line of its message. */
  readonly line: number;
}

type Value = Record<string, unknown>;
/** A oneof, as the generated types have it. */
type Choice = { readonly $case: string; readonly value: unknown } | undefined;

const encoder = new TextEncoder();

/**
 * Writes and reads the messages of the API by the tables of proto/gen: values have the shapes of the generated types, but
 * bytes are plain Uint8Arrays. It has proto/gen/tables.ts from the first; tables-more.ts is for others to load. Fields that it does not know are passed over.
 */
export class Codecs {
  readonly #lines: string[] = [];
  /** The line of what a method takes; what it answers is the next. */
  readonly #paths = new Map<string, number>();
  readonly #fields = new Map<number, ReadonlyMap<number, Field>>();

  constructor() {
    // By name: the module as a whole takes a bundler more.
    this.add({ services, messages });
  }

  /** Whether it knows a method by now. */
  knows(path: Path): boolean {
    return this.#paths.has(path);
  }

  /** Takes in the next tables. */
  add({ services, messages }: { readonly services: string; readonly messages: string }): void {
    let at = this.#lines.length;
    for (const line of services.split('\n')) {
      const [service, ...methods] = line.split(' ');
      for (const method of methods) {
        this.#paths.set(`/parley.v1.${service}/${method}`, at);
        at += 2;
      }
    }
    this.#lines.push(...messages.split('\n'));
  }

  /** Of a method that it knows. */
  of<P extends Path>(path: P): Codec<RequestOf<P>, ResponseOf<P>> {
    return this.#at(path);
  }

  get listen(): Codec<ListenRequest, ListenResponse> {
    return this.#at('/parley.v1.StreamService/Listen');
  }

  get submit(): Codec<SubmitRequest, SubmitResponse> {
    return this.#at('/parley.v1.StreamService/Submit');
  }

  #at<Q, R>(path: string): Codec<Q, R> {
    const line = this.#paths.get(path) ?? -1;
    return {
      encode: (value) => this.#encode(line, value as Value),
      decode: (bytes) => this.#decode(line + 1, bytes) as R,
    };
  }

  #fieldsOf(line: number): ReadonlyMap<number, Field> {
    let fields = this.#fields.get(line);
    if (fields === undefined) {
      fields = parse(this.#lines[line] ?? '');
      this.#fields.set(line, fields);
    }
    return fields;
  }

  #encode(line: number, message: Value): Uint8Array {
    const parts: Uint8Array[] = [];
    for (const field of this.#fieldsOf(line).values()) {
      if (field.group !== undefined) {
        const choice = message[field.group] as Choice;
        if (choice?.$case === field.name) this.#write(parts, field, choice.value);
        continue;
      }
      const value = message[field.name];
      if (field.repeated) {
        const values = (value ?? []) as readonly unknown[];
        if (isNumber(field) && values.length > 0) {
          parts.push(varint((field.number << 3) | 2));
          const packed = joined(values.map((each) => varint(each as bigint | number | boolean)));
          parts.push(varint(packed.length), packed);
        } else for (const each of values) this.#write(parts, field, each);
      } else if (value !== undefined && (field.optional || !isDefault(value))) this.#write(parts, field, value);
    }
    return joined(parts);
  }

  #write(parts: Uint8Array[], field: Field, value: unknown): void {
    if (isNumber(field)) {
      parts.push(varint(field.number << 3), varint(value as bigint | number | boolean));
      return;
    }
    let bytes: Uint8Array;
    if (field.kind === 'm') bytes = this.#encode(field.line, value as Value);
    else bytes = field.kind === 's' ? encoder.encode(value as string) : (value as Uint8Array);
    parts.push(varint((field.number << 3) | 2), varint(bytes.length), bytes);
  }

  #decode(line: number, bytes: Uint8Array): Value {
    const fields = this.#fieldsOf(line);
    const message: Value = {};
    for (const field of fields.values()) {
      if (field.group !== undefined) message[field.group] = undefined;
      else message[field.name] = field.repeated ? [] : field.optional ? undefined : emptyOf(field.kind);
    }
    for (const wire of readFields(bytes)) {
      const field = fields.get(wire.number);
      if (field === undefined) continue;
      if (field.repeated) {
        const list = message[field.name] as unknown[];
        if (isNumber(field)) list.push(...numbersOf(wire).map((number) => numberAs(field.kind, number)));
        else list.push(this.#read(field, wire));
      } else if (field.group === undefined) message[field.name] = this.#read(field, wire);
      else message[field.group] = { $case: field.name, value: this.#read(field, wire) };
    }
    return message;
  }

  #read(field: Field, wire: WireField): unknown {
    if (field.kind === 'm') return this.#decode(field.line, bytesOf(wire));
    if (field.kind === 's') return textOf(wire);
    // A copy: one that is kept does not keep its whole frame.
    if (field.kind === 'y') return bytesOf(wire).slice();
    return numberAs(field.kind, typeof wire.value === 'bigint' ? wire.value : 0n);
  }
}

function parse(line: string): Map<number, Field> {
  const fields = new Map<number, Field>();
  let number = 0;
  let group: string | undefined;
  for (const word of line.matchAll(/(\+*)(?:(\w*)\/)?(\w+)(?:=(.)(\d*))?([*?]?)/g)) {
    const [, gap = '', named, name = '', kind = 's', at, mark] = word;
    number += gap.length + 1;
    group = (named ?? group) || undefined;
    fields.set(number, { name, group, repeated: mark === '*', optional: mark === '?', number, kind, line: Number(at) });
  }
  return fields;
}

function isNumber({ kind }: Field): boolean {
  return !'sym'.includes(kind);
}

function isDefault(value: unknown): boolean {
  // Bytes without any, too.
  return !value || (value as Partial<Uint8Array>).length === 0;
}

function emptyOf(kind: string): unknown {
  if (kind === 's') return '';
  if (kind === 'y') return new Uint8Array();
  return kind === 'm' ? undefined : numberAs(kind, 0n);
}

function numberAs(kind: string, value: bigint): unknown {
  switch (kind) {
    case 'b':
      return value !== 0n;
    case 'l':
      return value;
    case 'g':
      return BigInt.asIntN(64, value);
    case 'u':
      return Number(BigInt.asUintN(32, value));
    default:
      return Number(BigInt.asIntN(32, value));
  }
}

function varint(value: bigint | number | boolean): Uint8Array {
  const bytes: number[] = [];
  let small = Number(value);
  if (small < 0 || small > 0x7fff_ffff) {
    // As 64 bits, a negative number too: so protobuf has it.
    let large = BigInt.asUintN(64, BigInt(value));
    for (; large > 0x7fn; large >>= 7n) bytes.push(Number(large & 0x7fn) | 0x80);
    small = Number(large);
  }
  for (; small > 0x7f; small >>>= 7) bytes.push((small & 0x7f) | 0x80);
  bytes.push(small);
  return Uint8Array.from(bytes);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
