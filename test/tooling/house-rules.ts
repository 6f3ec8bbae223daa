// Lint rules of this house that no ready-made one can say, as an oxlint plugin (.oxlintrc.json names it).
// `house/rooms`: an import crosses only where test/tooling/rooms.ts lets it.
// `house/no-module-state`: what changes lives in an object that somebody made and passes on.
// `house/no-current-date`: `new Date()` asks the machine for the time; a Date of a given time is fine.
import path from 'node:path';
import { type Room, rooms, unitTests } from './rooms.ts';

// The part of ESTree and of oxlint's plugin API that is used here.
type Node = { type: string; [key: string]: unknown };
type Context = { cwd: string; filename: string; report(problem: { node: Node; message: string }): void };
type Rule = { create(context: Context): Record<string, (node: Node) => void> };

function longest(names: readonly string[], file: string): string | undefined {
  return names
    .filter(
      (name) =>
        file === name || (file.startsWith(name) && (name.endsWith('/') || /^[./]/.test(file.slice(name.length)))),
    )
    .toSorted((a, b) => b.length - a.length)[0];
}

const roomNames = Object.keys(rooms);

/** Says why `file`, which is in the room `name`, may not import `specifier`; undefined when it may. */
function crossing(file: string, name: string, room: Room, specifier: string): string | undefined {
  if (specifier.startsWith('node:')) {
    const builtin = specifier.slice('node:'.length).split('/')[0] ?? '';
    return room.builtins === 'any' || room.builtins.includes(builtin) ? undefined : `${name} may not use ${specifier}`;
  }
  let target: string;
  if (specifier.startsWith('#proto/')) target = specifier.replace('#proto/', 'proto/gen/');
  else if (specifier.startsWith('.')) target = path.posix.join(path.posix.dirname(file), specifier);
  else {
    const known =
      room.packages === 'any' || room.packages.some((one) => specifier === one || specifier.startsWith(`${one}/`));
    return known ? undefined : `${name} may not use the package ${specifier}`;
  }
  if (room.may.includes(target)) return undefined;
  const targetRoom = longest(roomNames, target);
  // A row that names a whole tree (`server/`) opens every room of it; a row that names a room opens that room only.
  const opens = (may: string): boolean => (roomNames.includes(may) ? may === targetRoom : target.startsWith(may));
  if (targetRoom === name || room.may.some(opens)) return undefined;
  return `${name} may not import ${target}`;
}

const roomsRule: Rule = {
  create(context) {
    const file = path.relative(context.cwd, context.filename).replaceAll(path.sep, '/');
    const table = file.endsWith('.test.ts') ? unitTests : rooms;
    const name = longest(Object.keys(table), file);
    const room = name === undefined ? undefined : table[name];
    if (name === undefined || room === undefined) {
      return {
        Program(node) {
          context.report({ node, message: 'This file is in no room: give it a row in test/tooling/rooms.ts.' });
        },
      };
    }
    const check = (node: Node): void => {
      const source = node['source'] as Node | null;
      if (source === null || typeof source['value'] !== 'string') return;
      const problem = crossing(file, name, room, source['value']);
      if (problem !== undefined) context.report({ node: source, message: problem });
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};

const collections = ['Map', 'Set', 'WeakMap', 'WeakSet', 'Array', 'EventEmitter'];

/** A container that begins empty is there to be filled. */
function beginsEmpty(value: Node | null): boolean {
  if (value?.type === 'ArrayExpression') return (value['elements'] as Node[]).length === 0;
  if (value?.type === 'ObjectExpression') return (value['properties'] as Node[]).length === 0;
  if (value?.type !== 'NewExpression') return false;
  const { name } = value['callee'] as { name?: string };
  return collections.includes(name ?? '') && (value['arguments'] as Node[]).length === 0;
}

const noModuleState: Rule = {
  create(context) {
    return {
      Program(program) {
        for (const statement of program['body'] as Node[]) {
          const node =
            statement.type === 'ExportNamedDeclaration' ? (statement['declaration'] as Node | null) : statement;
          if (node?.type !== 'VariableDeclaration') continue;
          for (const one of node['declarations'] as Node[]) {
            if (node['kind'] === 'const' && !beginsEmpty(one['init'] as Node | null)) continue;
            context.report({
              node: one,
              message: 'State belongs to an object that is made and passed on, not to a module.',
            });
          }
        }
      },
    };
  },
};

const noCurrentDate: Rule = {
  create(context) {
    return {
      NewExpression(node) {
        const { name } = node['callee'] as { name?: string };
        if (name !== 'Date' || (node['arguments'] as Node[]).length > 0) return;
        context.report({ node, message: 'Time comes from the Clock that was passed in.' });
      },
    };
  },
};

export default {
  meta: { name: 'house' },
  rules: { rooms: roomsRule, 'no-module-state': noModuleState, 'no-current-date': noCurrentDate },
};
