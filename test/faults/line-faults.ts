// What happens to the lines between the parts: each kind at each hop.
import { type Fault, last, oneOf, type Scene } from './fault.ts';
import type { Line, Way } from './line.ts';
import type { Hops } from './rig.ts';

/** Lines that may break together. */
type Groups = readonly (readonly Line[])[];

interface Hop {
  readonly name: string;
  readonly all: (hops: Hops) => readonly Line[];
  /** What may break beside all of them; default: each alone. */
  readonly some?: (hops: Hops) => Groups;
}

const hops: readonly Hop[] = [
  { name: 'client-envoy', all: ({ clients }) => clients },
  { name: 'envoy-node', all: ({ gatewayToNode }) => [...gatewayToNode.values()] },
  {
    name: 'node-redis',
    all: ({ nodeToRedis }) => [...nodeToRedis.values()].flatMap((lines) => [...lines.values()]),
    // One node without Redis, or one server of it without nodes.
    some: ({ nodeToRedis }) => {
      const ofNodes = [...nodeToRedis.values()].map((lines) => [...lines.values()]);
      const servers = [...(nodeToRedis.values().next().value?.keys() ?? [])];
      const ofServer = (server: number): Line[] =>
        [...nodeToRedis.values()].flatMap((lines) => lines.get(server) ?? []);
      return [...ofNodes, ...ofNodes, ...servers.map(ofServer)];
    },
  },
  { name: 'redis-redis', all: ({ redisToRedis }) => [...redisToRedis.values()] },
  { name: 'node-cassandra', all: ({ nodeToCassandra }) => [...nodeToCassandra.values()] },
  { name: 'node-node', all: ({ nodeToNode }) => [...nodeToNode.values()] },
];

interface Kind {
  readonly name: string;
  readonly does: (line: Line, scene: Scene) => void;
}

const waysToDelay: readonly (readonly Way[])[] = [['out'], ['back'], ['out', 'back']];

const hold =
  (...ways: readonly Way[]): Kind['does'] =>
  (line) =>
    line.hold(...ways);

const kinds: readonly Kind[] = [
  { name: 'cut', does: (line) => line.cut() },
  { name: 'half-open-out', does: hold('out') },
  { name: 'half-open-back', does: hold('back') },
  { name: 'half-open-both', does: hold('out', 'back') },
  {
    name: 'delay',
    does: (line, scene) => line.delay(50 + scene.chance(1_500), ...oneOf(scene, waysToDelay)),
  },
];

/** All lines of the hop, or some; in the end they are mended, and sometimes reset, so that what was held is lost. */
async function breakLines(scene: Scene, { name, all, some }: Hop, kind: Kind): Promise<void> {
  const lines = all(scene.rig.hops);
  const groups = some?.(scene.rig.hops) ?? lines.map((line) => [line]);
  const broken = scene.chance(3) === 0 ? lines : oneOf(scene, groups);
  scene.note(
    `${kind.name} on ${broken.length} of ${lines.length} lines ${name}: ${broken.map(({ port }) => port).join(', ')}`,
  );
  for (const line of broken) kind.does(line, scene);
  const passed = broken.map(({ bytes }) => ({ ...bytes }));
  try {
    await last(scene, 3, 25);
    for (const [at, line] of broken.entries()) refuseLeaks(line, passed[at] ?? line.bytes);
  } finally {
    const isLost = scene.chance(2) === 0;
    for (const line of broken) {
      if (isLost) line.reset();
      line.mend();
    }
  }
}

/** A fault that does not bite says nothing. */
function refuseLeaks(line: Line, passed: Readonly<Record<Way, number>>): void {
  for (const way of ['out', 'back'] as const) {
    if (line.held[way] && line.bytes[way] !== passed[way]) throw new Error(`a held line passed bytes ${way}`);
  }
}

export const lineFaults: readonly Fault[] = hops.flatMap((hop) =>
  kinds.map((kind): Fault => ({
    name: `${hop.name}-${kind.name}`,
    place: `line ${hop.name}`,
    run: (scene) => breakLines(scene, hop, kind),
  })),
);
