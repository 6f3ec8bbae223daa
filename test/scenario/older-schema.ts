// The API as an older client has it: this one's, less some fields. What passes through is decoded by that schema and
// written again without its unknown fields, so it is what a client sees whose stubs were generated before.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type DescMessage, createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type DescriptorProto, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const file = path.resolve(import.meta.dirname, '../../proto/gen/descriptors.binpb');

export class OlderSchema {
  readonly #messages: (name: string) => DescMessage;

  /** `without`: fields by message, as {Entry: ['reaction_changed']}. */
  constructor(without: Readonly<Record<string, readonly string[]>>) {
    const set = fromBinary(FileDescriptorSetSchema, readFileSync(file));
    const messages: DescriptorProto[] = set.file
      .filter((descriptor) => descriptor.package === 'parley.v1')
      .flatMap((descriptor) => descriptor.messageType);
    for (const [name, fields] of Object.entries(without)) {
      const message = messages.find((candidate) => candidate.name === name);
      const kept = message?.field.filter((field) => !fields.includes(field.name)) ?? [];
      if (message === undefined || message.field.length - kept.length !== fields.length) {
        throw new Error(`${name} has not all of ${fields.join(', ')}`);
      }
      message.field = kept;
    }
    const registry = createFileRegistry(set);
    this.#messages = (name) => {
      const found = registry.getMessage(`parley.v1.${name}`);
      if (found === undefined) throw new Error(`there is no message parley.v1.${name}`);
      return found;
    };
  }

  /** The bytes of a message as the older client understands them. */
  read(name: string, bytes: Uint8Array): Uint8Array {
    const schema = this.#messages(name);
    return toBinary(schema, fromBinary(schema, bytes), { writeUnknownFields: false });
  }
}
