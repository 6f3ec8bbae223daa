// What a TypeScript team would build on socket.io with its Redis adapter for the same work: signed-in users, a room
// per thread, sends that are acknowledged, receipts when they are wanted. It keeps nothing: "acknowledged" means that
// this process has it. Runs from .cache/bench-peer, where its packages are installed.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createLocalJWKSet, jwtVerify } from 'jose';

const { PEER_PACKAGES, PEER_REDIS, PEER_JWKS, PEER_PORT } = process.env;
const require = createRequire(path.join(PEER_PACKAGES, 'package.json'));
const { Server } = require('socket.io');
const { createAdapter } = require('@socket.io/redis-adapter');
const { Redis } = require('ioredis');

const publisher = new Redis(PEER_REDIS);
const subscriber = publisher.duplicate();
const keys = createLocalJWKSet(JSON.parse(await readFile(PEER_JWKS, 'utf8')));
const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  serveClient: false,
  adapter: createAdapter(publisher, subscriber),
});
/** The last message that each user acknowledged, per room. */
const positions = new Map();

io.use(async (socket, next) => {
  try {
    const { payload } = await jwtVerify(socket.handshake.auth.token, keys, {
      algorithms: ['ES256'],
      issuer: 'parley-dev',
      audience: 'parley',
    });
    socket.data.user = payload.sub;
    next();
  } catch (error) {
    next(error);
  }
});

io.on('connection', (socket) => {
  const { user } = socket.data;
  socket.on('join', async (room, done) => {
    await socket.join(room);
    done();
  });
  socket.on('send', ({ room, id, text }, done) => {
    socket.to(room).emit('message', { id, room, sender: user, time: Date.now(), text });
    done({ id, time: Date.now() });
  });
  socket.on('ack', ({ room, id, receipt }) => {
    positions.set(`${room}\n${user}`, id);
    if (receipt) socket.to(room).emit('receipt', { id, room, user, delivered: id, read: id });
  });
  socket.on('beat', (done) => done());
});

http.listen(Number(PEER_PORT), '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid })}\n`);
});
process.on('SIGTERM', () => process.exit(0));
