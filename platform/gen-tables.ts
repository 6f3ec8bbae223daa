// What a browser needs of the protos to write and read messages: tables instead of code, about a fifth of its size.
import { fromBinary, isFieldSet } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProtoSchema,
  FieldDescriptorProto_Type as Type,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';

/** Letters of the table; a kind that is none of these is new to it: give it a letter here and in clients/web/codec.ts. */
const letters: Partial<Record<Type, string>> = {
  [Type.STRING]: 's',
  [Type.BYTES]: 'y',
  [Type.BOOL]: 'b',
  [Type.INT32]: 'i',
  [Type.ENUM]: 'i',
  [Type.UINT32]: 'u',
  [Type.UINT64]: 'l',
  [Type.INT64]: 'g',
  [Type.MESSAGE]: 'm',
};

/**
 * The module `#proto/tables.ts` from a FileDescriptorSet: for each service of parley.v1 its unary and server-streaming methods, and the
 * messages that they reach. Its lines are explained in the module itself.
 */
export function tablesModule(descriptors: Uint8Array): string {
  const { file: files } = fromBinary(FileDescriptorSetSchema, descriptors);
  const found = new Map<string, DescriptorProto>();
  const find = (prefix: string, messages: readonly DescriptorProto[]): void => {
    for (const message of messages) {
      found.set(`${prefix}.${message.name}`, message);
      find(`${prefix}.${message.name}`, message.nestedType);
    }
  };
  for (const file of files) find(`.${file.package}`, file.messageType);

  const numbers = new Map<string, number>();
  const lines: string[] = [];
  const numberOf = (name: string): number => {
    const known = numbers.get(name);
    if (known !== undefined) return known;
    const message = found.get(name);
    if (message === undefined) throw new Error(`the tables of proto/gen/tables.ts lack ${name}`);
    const number = numbers.size;
    numbers.set(name, number);
    lines[number] = message.field.map((field) => fieldOf(message, field, numberOf)).join(' ');
    return number;
  };
  const methods = files
    .filter((file) => file.package === 'parley.v1')
    .flatMap((file) => file.service.flatMap((service) => service.method.map((method) => ({ service, method }))))
    .filter(({ method }) => !method.clientStreaming)
    .map(({ service, method }) => {
      const [request, response] = [numberOf(method.inputType), numberOf(method.outputType)];
      return `${service.name}/${method.name} ${request} ${response}`;
    });
  return `// Made by platform/gen-tables.ts. DO NOT EDIT.

/** A line each: \`Service/Method\` of parley.v1, then which messages it takes and answers, by their line in \`messages\` from 0. */
export const methods: string = \`${methods.join('\n')}\`;

/**
 * A line a message, a word a field: \`group/name*=number kind line\` without the blanks. Group: its oneof, if any. \`*\` = repeated,
 * \`?\` = absent unless set. Kinds: s string, y bytes, b bool, i int32 or enum, u uint32, l uint64, g int64, m the message of that line.
 */
export const messages: string = \`${lines.join('\n')}\`;
`;
}

function fieldOf(message: DescriptorProto, field: FieldDescriptorProto, numberOf: (name: string) => number): string {
  const letter = letters[field.type];
  if (letter === undefined) throw new Error(`the tables have no letter for field ${message.name}.${field.name}`);
  const inOneof = isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex) && !field.proto3Optional;
  const oneof = inOneof ? message.oneofDecl[field.oneofIndex] : undefined;
  const group = oneof === undefined ? '' : `${camel(oneof.name)}/`;
  const repeated = field.label === FieldDescriptorProto_Label.REPEATED ? '*' : field.proto3Optional ? '?' : '';
  const line = field.type === Type.MESSAGE ? numberOf(field.typeName) : '';
  return `${group}${camel(field.name)}${repeated}=${field.number}${letter}${line}`;
}

function camel(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
