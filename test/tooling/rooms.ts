// Who may import whom. A file belongs to the room with the longest name that its path begins with, and imports freely
// inside it; everything else must stand in its room's row. Folders end in a slash; a name without one is a file, or
// a file and the folder called like it. test/tooling/house-rules.ts reads this table.

export type Room = {
  /** Rooms, or single files of rooms. */
  may: readonly string[];
  /** npm packages; a name stands for its subpaths too. */
  packages: readonly string[] | 'any';
  /** Node's own modules, without `node:`. Sockets, files and processes are I/O. */
  builtins: readonly string[] | 'any';
};

const core = 'server/core/';
const telemetry = 'server/telemetry/';
const base = [core, telemetry];

/** Other rooms import these, never what is behind them. */
const doors = [
  'server/store/store.ts',
  'server/presence/registry.ts',
  'server/bus/bus.ts',
  'server/comments/comment-log.ts',
  'server/notify/notifier.ts',
  'server/notify/queue.ts',
];

function room(may: readonly string[], packages: Room['packages'] = [], builtins: Room['builtins'] = 'any'): Room {
  return { may, packages, builtins };
}

export const rooms: Readonly<Record<string, Room>> = {
  // Words and rules: no I/O, no proto.
  'server/core/': room([], [], ['assert', 'buffer', 'crypto', 'util']),
  'server/http-port.ts': room([]),
  'server/telemetry/': room([core, 'server/http-port.ts'], ['pino', 'prom-client']),

  // A door knows none of its implementations; implementations never import each other.
  'server/store/': room(base),
  'server/store/embedded/': room([...base, 'server/store/'], ['classic-level', 'abstract-level', 'msgpackr']),
  'server/store/cassandra/': room([...base, 'server/store/'], ['cassandra-driver', 'msgpackr']),
  // The file of a backup; what goes into it and comes out of it the implementations say, by the door server/store/backup.ts.
  'server/store/backup/': room([...base, 'server/store/'], ['msgpackr']),
  'server/presence/': room([...base, 'server/store/store.ts']),
  // Presence tells of changes on the bus and keeps "last seen" in the store.
  'server/presence/memory': room([...base, ...doors, 'server/presence/']),
  'server/presence/redis': room([...base, ...doors, 'server/presence/', 'server/redis/']),
  'server/bus/': room(base),
  'server/bus/codec': room([...base, 'server/bus/'], ['msgpackr']),
  'server/bus/memory': room([...base, 'server/bus/']),
  'server/bus/redis': room([...base, 'server/bus/', 'server/bus/codec', 'server/redis/']),
  'server/comments/': room(base),
  // Comments are published on the bus: by it, or in the step that numbers them.
  'server/comments/memory': room([...base, 'server/comments/', 'server/bus/bus.ts']),
  'server/comments/redis': room([
    ...base,
    'server/comments/',
    'server/bus/bus.ts',
    'server/bus/codec.ts',
    'server/redis/',
  ]),
  // Connections to Redis, for the bus, for comments and for presence.
  'server/redis/': room(base, ['ioredis']),
  'server/notify/': room(base),
  'server/notify/embedded': room([...base, 'server/notify/'], ['classic-level']),
  'server/notify/redis': room([...base, 'server/notify/', 'server/redis/']),
  'server/notify/log': room([...base, 'server/notify/']),
  'server/notify/webhook': room([...base, 'server/notify/']),
  'server/notify/fcm': room([...base, 'server/notify/'], ['firebase-admin']),
  'server/auth/': room(base, ['jose']),
  // The files of the web app. It knows nothing of chat.
  'server/web/': room(['server/http-port.ts']),

  // rpc → chat → delivery → doors. Only rpc knows gRPC and generated types.
  'server/delivery/': room([...base, ...doors]),
  'server/chat/': room([...base, ...doors, 'server/delivery/']),
  'server/rpc/': room(
    [...base, ...doors, 'server/delivery/', 'server/chat/', 'server/auth/', 'proto/gen/'],
    ['@grpc/grpc-js', '@bufbuild/protobuf', 'grpc-health-check'],
  ),

  // main → app → everything.
  'server/config.ts': room([core]),
  'server/strangers.ts': room([]),
  'server/app': room(['server/', 'proto/gen/'], ['@grpc/grpc-js']),
  'server/main.ts': room([...base, 'server/app.ts', 'server/config.ts']),
  'server/backup.ts': room([...base, 'server/app/backup.ts', 'server/store/backup/']),
  'server/restore.ts': room([...base, 'server/app/backup.ts', 'server/store/backup/']),

  // Clients know the wire, never the server. core is carrier-neutral: it runs in a browser too.
  'clients/core/': room(['proto/gen/'], ['@bufbuild/protobuf'], []),
  'clients/node/': room(['clients/core/', 'proto/gen/'], ['@grpc/grpc-js', '@bufbuild/protobuf']),
  'clients/web/': room(['clients/core/', 'proto/gen/'], ['@bufbuild/protobuf'], []),
  // The hooks stand on the views alone.
  'clients/web/react/': room(['clients/core/', 'clients/web/', 'proto/gen/'], ['react'], []),
  'clients/app/': room(
    ['clients/core/', 'clients/web/', 'clients/web/react/', 'proto/gen/'],
    ['react', 'react-dom'],
    [],
  ),
  'clients/app/vite.config.ts': room([], ['vite'], ['path']),
  'clients/cli/': room(['clients/core/', 'clients/node/', 'proto/gen/'], 'any'),

  // The platform starts the server as a process; what they share is how tokens are made, the clock for it, and a port for HTTP.
  'platform/': room(
    ['server/auth/', 'server/core/clock.ts', 'server/http-port.ts', 'server/strangers.ts', 'gateway/', 'proto/gen/'],
    'any',
  ),
  'gateway/': room(['proto/gen/'], 'any'),
};

/** Tests beside their subjects. Nothing else imports test/; what starts a process stands there. */
export const unitTests: Readonly<Record<string, Room>> = {
  'server/': room(['server/', 'proto/gen/', 'test/support/'], 'any'),
  'clients/': room(['clients/', 'proto/gen/', 'test/support/'], 'any'),
  'platform/': room(['platform/', 'gateway/', 'server/auth/', 'server/core/', 'proto/gen/', 'test/support/'], 'any'),
  'gateway/': room(['gateway/', 'test/support/'], 'any'),
};
