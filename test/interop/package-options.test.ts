// Options that decide what generated code is called in other languages. Apps import those names: they never change.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import { root } from './toolchain.ts';

const descriptors = fromBinary(FileDescriptorSetSchema, readFileSync(path.join(root, 'proto/gen/descriptors.binpb')));
const files = descriptors.file.filter((file) => file.package.startsWith('parley.'));

test('the descriptor set holds the public API', () => {
  expect(files.map((file) => file.name)).toContain('parley/v1/stream_service.proto');
});

test.for(files.filter((file) => file.package === 'parley.v1'))('$name keeps its package names', ({ options }) => {
  expect(options).toMatchObject({
    javaPackage: 'chat.parley.v1',
    javaMultipleFiles: true,
    goPackage: 'parley.chat/go/parley/v1;parleyv1',
    swiftPrefix: 'Parley',
    objcClassPrefix: 'PRL',
    csharpNamespace: 'Parley.V1',
  });
});

test.for(files)('$name has a package name for every language', ({ options }) => {
  for (const name of [options?.javaPackage, options?.goPackage, options?.swiftPrefix, options?.objcClassPrefix]) {
    expect(name).not.toBe('');
  }
  expect(options?.csharpNamespace).not.toBe('');
  expect(options?.javaMultipleFiles).toBe(true);
});

test('exactly the RPCs that read are marked as free of side effects, so that they may be retried and hedged', () => {
  const methods = files.flatMap((file) => file.service.flatMap((service) => service.method));
  const reads = methods.filter((method) => /^(Get|BatchGet|List|Describe|Search)[A-Z]/.test(method.name));
  const marked = methods.filter(
    (method) => method.options?.idempotencyLevel === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS,
  );
  expect(reads.length).toBeGreaterThan(0);
  expect(marked.map((method) => method.name)).toEqual(reads.map((method) => method.name));
});
