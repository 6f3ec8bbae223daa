// The tables write and read what generated code does, for every message that a browser meets.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fromBinary, isFieldSet } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProtoSchema,
  FieldDescriptorProto_Type as Type,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as moreTables from '#proto/tables-more.ts';
import { ListenResponse, StreamServiceService, SubmitRequest } from '#proto/parley/v1/stream_service.ts';
import type { Path } from '../core/methods.ts';
import { codecOf } from '../node/methods.ts';
import { Codecs } from './codec.ts';

const file = path.resolve(import.meta.dirname, '../../proto/gen/descriptors.binpb');
const files = fromBinary(FileDescriptorSetSchema, readFileSync(file)).file;
const messages = new Map<string, DescriptorProto>(
  files.flatMap(({ package: name, messageType }) => messageType.map((it) => [`.${name}.${it.name}`, it] as const)),
);
const methods = files
  .filter((it) => it.package === 'parley.v1')
  .flatMap((it) => it.service.flatMap((service) => service.method.map((method) => ({ ...method, service }))))
  .filter((method) => !method.clientStreaming);
const codecs = new Codecs();
codecs.add(moreTables);

interface ByGeneratedCode {
  requestSerialize(value: unknown): Buffer;
  requestDeserialize(bytes: Buffer): unknown;
  responseSerialize(value: unknown): Buffer;
  responseDeserialize(bytes: Buffer): unknown;
}

const scalars: Partial<Record<Type, fc.Arbitrary<unknown>>> = {
  [Type.STRING]: fc.string({ unit: 'binary', maxLength: 20 }),
  [Type.BYTES]: fc.uint8Array({ maxLength: 20 }),
  [Type.BOOL]: fc.boolean(),
  [Type.INT32]: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  [Type.ENUM]: fc.nat({ max: 300 }),
  [Type.UINT32]: fc.nat({ max: 2 ** 32 - 1 }),
  [Type.UINT64]: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  [Type.INT64]: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
};

const camel = (name: string): string => name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Values of one field, without its multiplicity. */
function valueOf(field: FieldDescriptorProto, depth: number): fc.Arbitrary<unknown> {
  const scalar = scalars[field.type];
  if (scalar !== undefined) return scalar;
  const message = messages.get(field.typeName);
  if (message === undefined) throw new Error(`there is no message ${field.typeName}`);
  return valuesOf(message, depth + 1);
}

/** Values of a message as the generated types have it. */
function valuesOf(message: DescriptorProto, depth = 0): fc.Arbitrary<unknown> {
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  const groups = new Map<string, fc.Arbitrary<unknown>[]>();
  for (const field of message.field) {
    const inOneof = isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex) && !field.proto3Optional;
    const oneof = inOneof ? message.oneofDecl[field.oneofIndex] : undefined;
    const value = valueOf(field, depth);
    const name = camel(field.name);
    if (oneof) {
      const group = camel(oneof.name);
      groups.set(group, [...(groups.get(group) ?? []), fc.record({ $case: fc.constant(name), value })]);
    } else if (field.label === FieldDescriptorProto_Label.REPEATED) {
      fields[name] = fc.array(value, { maxLength: depth > 2 ? 1 : 3 });
    } else if (field.proto3Optional || field.type === Type.MESSAGE) fields[name] = fc.option(value, { nil: undefined });
    else fields[name] = value;
  }
  for (const [name, choices] of groups) fields[name] = fc.option(fc.oneof(...choices), { nil: undefined });
  return fc.record(fields);
}

/** Buffers as the Uint8Arrays that browsers have. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map((each) => plain(each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
}

function messageOf(typeName: string): DescriptorProto {
  const message = messages.get(typeName);
  if (message === undefined) throw new Error(`there is no message ${typeName}`);
  return message;
}

test.each(methods.map((method) => [`${method.service.name}/${method.name}`, method] as const))(
  '%s: what one writes the other reads',
  (name, method) => {
    const at = `/parley.v1.${name}` as Path;
    const streams: Record<string, unknown> = {
      'StreamService/Listen': StreamServiceService.listen,
      'StreamService/Submit': StreamServiceService.submit,
    };
    const generated = (streams[name] ?? codecOf(at)) as ByGeneratedCode;
    const tables = codecs.of(at);
    const options = { numRuns: 30 };
    fc.assert(
      fc.property(valuesOf(messageOf(method.inputType)), (request) => {
        expect(plain(generated.requestDeserialize(Buffer.from(tables.encode(request as never))))).toEqual(request);
      }),
      options,
    );
    fc.assert(
      fc.property(valuesOf(messageOf(method.outputType)), (response) => {
        expect(tables.decode(new Uint8Array(generated.responseSerialize(response)))).toEqual(response);
      }),
      options,
    );
  },
);

test('a message is written with the bytes that generated code writes', () => {
  const frame = { $case: 'send', value: { threadId: 't', clientMessageId: 'c', knownHead: 2n ** 63n - 1n } } as const;
  const submit = SubmitRequest.fromPartial({ sessionId: 'n1.x', number: 300n, frames: [{ requestId: 1n, frame }] });
  expect(Buffer.from(codecs.submit.encode(submit))).toEqual(Buffer.from(SubmitRequest.encode(submit).finish()));
});

test('fields of a later version are passed over, and a kind of frame that is not known is none', () => {
  // Field 2000 of the frame, a message, then field 2 of the list, a number.
  const bytes = Uint8Array.from([0x0a, 0x05, 0x82, 0x7d, 0x02, 0x08, 0x01, 0x10, 0x07]);
  expect(codecs.listen.decode(bytes)).toEqual({ frames: [{ frame: undefined }] });
});

test('bytes that end early are refused', () => {
  const bytes = ListenResponse.encode(
    ListenResponse.fromPartial({ frames: [{ frame: { $case: 'welcome', value: { sessionId: 'n1.x' } } }] }),
  ).finish();
  expect(() => codecs.listen.decode(bytes.subarray(0, -1))).toThrow(RangeError);
});
