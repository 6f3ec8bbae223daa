// The public API as its descriptor set says it: what table tests compare themselves with.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';

const file = path.resolve(import.meta.dirname, '../../proto/gen/descriptors.binpb');

export type Method = {
  service: string;
  name: string;
  /** `parley.v1.ThreadService/GetThread` */
  path: string;
  streaming: boolean;
  readOnly: boolean;
};

const files = fromBinary(FileDescriptorSetSchema, readFileSync(file)).file;
const publicFiles = filesOf('parley.v1');

/** Every RPC of the public API. */
export const methods: readonly Method[] = methodsOf(publicFiles);

/** Every RPC for other services. */
export const serviceMethods: readonly Method[] = methodsOf(filesOf('parley.service.v1'));

function filesOf(name: string): typeof files {
  return files.filter((descriptor) => descriptor.package === name);
}

function methodsOf(some: typeof files): Method[] {
  return some.flatMap((descriptor) =>
    descriptor.service.flatMap((service) =>
      service.method.map((method) => ({
        service: `${descriptor.package}.${service.name}`,
        name: method.name,
        path: `${descriptor.package}.${service.name}/${method.name}`,
        streaming: method.clientStreaming || method.serverStreaming,
        readOnly: method.options?.idempotencyLevel === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS,
      })),
    ),
  );
}

/** Field names of a message, such as `ClientFrame`, which must be at the top of its file. */
export function fieldNames(message: string): string[] {
  const found = publicFiles.flatMap((descriptor) => descriptor.messageType).find(({ name }) => name === message);
  if (found === undefined) throw new Error(`there is no message ${message} in the descriptor set`);
  return found.field.map((field) => field.name);
}

/** Value names of an enum in order, without its prefix and the unspecified one. */
export function enumNames(name: string, prefix: string): string[] {
  const found = publicFiles.flatMap((descriptor) => descriptor.enumType).find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`there is no enum ${name} in the descriptor set`);
  return found.value.filter((value) => value.number !== 0).map((value) => value.name.replace(prefix, ''));
}
