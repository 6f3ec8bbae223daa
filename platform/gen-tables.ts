// What a browser needs of the protos to write and read messages: tables instead of code, about a fifth of its size.
import { fromBinary, isFieldSet } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
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

/** What a page calls to be connected, to send, and to show threads: these it has from the first. A path of another loads the rest. */
const first = [
  'StreamService Listen Submit',
  'HistoryService ListMessages ListEntries',
  'PeopleService BatchGetProfiles ListUserEntries',
  'ReceiptService ListReceipts',
  'ThreadService OpenDirectThread GetThread ListThreads',
];

interface Service {
  readonly name: string;
  readonly methods: readonly DescMethodNames[];
}
type DescMethodNames = Readonly<Record<'name' | 'inputType' | 'outputType', string>>;

/**
 * The modules `#proto/tables.ts` and `#proto/tables-more.ts` from a FileDescriptorSet: for each service of parley.v1 its unary and
 * server-streaming methods, and the messages that they reach. Their lines are explained in the first.
 */
export function tablesModules(descriptors: Uint8Array): Readonly<Record<'tables.ts' | 'tables-more.ts', string>> {
  const { file: files } = fromBinary(FileDescriptorSetSchema, descriptors);
  const found = new Map<string, DescriptorProto>();
  const find = (prefix: string, messages: readonly DescriptorProto[]): void => {
    for (const message of messages) {
      found.set(`${prefix}.${message.name}`, message);
      find(`${prefix}.${message.name}`, message.nestedType);
    }
  };
  for (const file of files) find(`.${file.package}`, file.messageType);

  const all: Service[] = files
    .filter((file) => file.package === 'parley.v1')
    .flatMap((file) => file.service)
    .map(({ name, method }) => ({ name, methods: method.filter(({ clientStreaming }) => !clientStreaming) }));
  const isFirst = (service: string, method: string): boolean =>
    first.some((line) => line.startsWith(`${service} `) && line.split(' ').includes(method));
  const parts = [true, false].map((wanted) =>
    all
      .map(({ name, methods }) => ({ name, methods: methods.filter((it) => isFirst(name, it.name) === wanted) }))
      .filter(({ methods }) => methods.length > 0),
  );
  // Lines count on from part to part. In each, what its methods take and answer comes first; what that is made of follows as it is met.
  const names: string[] = [];
  const lines: string[] = [];
  const [tables = '', more = ''] = parts.map((services) => {
    const from = lines.length;
    const calls = services.flatMap(({ methods }) => methods.flatMap((it) => [it.inputType, it.outputType]));
    names.push(...calls);
    const lineOf = (name: string): number => {
      const known = names.indexOf(name);
      return known < 0 ? names.push(name) - 1 : known;
    };
    for (let name = names[from]; name !== undefined; name = names[lines.length]) {
      const message = found.get(name);
      if (message === undefined) throw new Error(`the tables of proto/gen lack ${name}`);
      lines.push(lineFor(message, lineOf));
    }
    const words = services.map((service) => [service.name, ...service.methods.map(({ name }) => name)].join(' '));
    return `export const services: string = \`${words.join('\n')}\`;
export const messages: string = \`${lines.slice(from).join('\n')}\`;
`;
  });
  const made = '// Made by platform/gen-tables.ts. DO NOT EDIT.\n';
  return {
    'tables.ts': `${made}
// services: a line a service of parley.v1: its name and its methods'. The nth method, from 0, takes line 2n of \`messages\` and answers line 2n + 1.
// messages: a line a message, a word a field in the order of their numbers: \`+group/name=kind line*\` without the blanks. The first is
// number 1, each one more than that before it, and one more for each \`+\`. Group: its oneof; it stays until the next \`/\`, which may
// name none. Kinds: s string, y bytes, b bool, i int32 or enum, u uint32, l uint64, g int64, m the message of that line, from 0; no kind:
// a string. At the end \`*\` = repeated, \`?\` = absent unless set.
${tables}`,
    'tables-more.ts': `${made}// As tables.ts, whose lines its own come after.\n${more}`,
  };
}

function lineFor(message: DescriptorProto, lineOf: (name: string) => number): string {
  let before = 0;
  let groupBefore = '';
  const words = message.field
    .toSorted((a, b) => a.number - b.number)
    .map((field) => {
      const letter = letters[field.type];
      if (letter === undefined) throw new Error(`the tables have no letter for field ${message.name}.${field.name}`);
      const inOneof = isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex) && !field.proto3Optional;
      const group = camel((inOneof ? message.oneofDecl[field.oneofIndex]?.name : undefined) ?? '');
      const head = '+'.repeat(field.number - before - 1) + (group === groupBefore ? '' : `${group}/`);
      before = field.number;
      groupBefore = group;
      const mark = field.label === FieldDescriptorProto_Label.REPEATED ? '*' : field.proto3Optional ? '?' : '';
      const kind =
        field.type === Type.MESSAGE ? `=${letter}${lineOf(field.typeName)}` : letter === 's' ? '' : `=${letter}`;
      return `${head}${camel(field.name)}${kind}${mark}`;
    });
  return words.join(' ');
}

function camel(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
