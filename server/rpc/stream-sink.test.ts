// Both sinks over a real server of grpc-js, one suite for both: `direct` is held to what `plain` does.
import { Client, Server, ServerCredentials, type ServerDuplexStream, credentials, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StreamServiceService } from '#proto/parley/v1/stream_service.ts';
import { HandClock } from '../../test/support/clock.ts';
import { turn, turns } from '../../test/support/delivery-node.ts';
import { Http2Call } from '../../test/support/http2-call.ts';
import { systemClock } from '../core/clock.ts';
import { Refusal } from '../core/errors.ts';
import type { GoodbyeReason } from '../delivery/frames.ts';
import { goodbyeOf } from '../delivery/goodbyes.ts';
import { type SinkKind, type StreamSink, Sinks } from './stream-sink.ts';

type Call = ServerDuplexStream<Buffer, Buffer>;
type End = { readonly code: number; readonly details: string };

const pass = (bytes: Buffer): Buffer => bytes;
const path = '/parley.v1.StreamService/Open';

/** A peer of a stream: what came, in order, and how it ended. */
class Peer {
  readonly messages: Buffer[] = [];
  readonly call: Http2Call;
  readonly ended: Promise<End>;
  end: End | undefined;

  constructor(target: string) {
    this.call = new Http2Call(target, 'any');
    this.call.on('data', (bytes: Buffer) => this.messages.push(Buffer.from(bytes)));
    this.ended = new Promise((resolve) => {
      this.call.on('status', ({ code, details }: End) => resolve((this.end = { code, details: decodeURI(details) })));
    });
  }

  get texts(): string[] {
    return this.messages.map(String);
  }
}

/** Lets what is ready happen until it holds; the test's own time limit ends the wait. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

/** The HTTP/2 stream on the server's side. */
const queuedBytes = (call: Call): number =>
  (call as unknown as { call: { stream: { writableLength: number } } }).call.stream.writableLength;

describe.each(['direct', 'plain'] as const)('A %s sink', (kind: SinkKind) => {
  let server: Server;
  let target: string;
  let clock: HandClock;
  let sinks: Sinks;
  let arrived: ((call: Call) => void)[];
  let peers: Peer[];

  beforeEach(async () => {
    clock = new HandClock();
    sinks = new Sinks(kind, clock);
    arrived = [];
    peers = [];
    server = new Server();
    server.addService(
      { open: { ...StreamServiceService.open, requestDeserialize: pass, responseSerialize: pass } },
      { open: (call: Call) => arrived.shift()?.(call) },
    );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    target = `127.0.0.1:${port}`;
  });
  afterEach(() => {
    for (const { call } of peers) call.cancel();
    server.forceShutdown();
  });

  const nextCall = (): Promise<Call> => new Promise((resolve) => arrived.push(resolve));

  async function open(): Promise<{ call: Call; sink: StreamSink; peer: Peer; gone: () => boolean }> {
    const next = nextCall();
    const peer = new Peer(target);
    peers.push(peer);
    const call = await next;
    call.on('data', () => undefined);
    let gone = false;
    call.on('cancelled', () => (gone = true));
    return { call, sink: sinks.of(call), peer, gone: () => gone };
  }

  const end = (sink: StreamSink, reason: GoodbyeReason = 'draining', refusal?: Refusal): void =>
    sink.end(goodbyeOf(reason, 'that is all'), refusal);

  test('is in use with the grpc-js that is installed', async () => {
    expect((await open()).sink.kind).toBe(kind);
  });

  test('is plain over a call that has no HTTP/2 stream where it is looked for', async () => {
    const { call } = await open();
    const other = Object.create(call, { call: { value: { nextCall: {} } } }) as Call;
    expect(sinks.of(other).kind).toBe('plain');
  });

  test('says when what was written has reached the peer, however many ask, and nothing once the peer has gone', async () => {
    const { sink, peer, gone } = await open();
    let arrived = 0;
    for (let n = 0; n < 50; n++) {
      sink.write(Buffer.from(`message ${n}`));
      sink.whenArrived(() => (arrived += 1));
    }
    await until(() => arrived === 50);
    expect(gone()).toBe(false);
    peer.call.cancel();
    await until(gone);
    sink.whenArrived(() => (arrived += 1));
    await turns();
    expect(arrived).toBeLessThanOrEqual(51);
  });

  test('brings 10,000 small messages of a burst whole and in order, then the status', async () => {
    const { sink, peer } = await open();
    for (let n = 0; n < 10_000; n++) sink.write(Buffer.from(`message ${n}`));
    end(sink);
    expect(await peer.ended).toEqual({ code: status.OK, details: 'OK' });
    expect(peer.texts).toEqual(Array.from({ length: 10_000 }, (_, n) => `message ${n}`));
  });

  test('brings the same to whoever heeds that the peer is behind, and tells when it takes more', async () => {
    const { sink, peer } = await open();
    let next = 0;
    let waits = 0;
    const fill = (): void => {
      while (next < 3_000) if (!sink.write(Buffer.alloc(200, `${next++} `))) return void (waits += 1);
      end(sink);
    };
    sink.onDrain(fill);
    fill();
    await peer.ended;
    expect(peer.texts).toEqual(Array.from({ length: 3_000 }, (_, n) => Buffer.alloc(200, `${n} `).toString()));
    expect(waits).toBeGreaterThan(1);
  });

  test('brings messages of any size, the same one to many streams', async () => {
    const sizes = [0, 1, 16_384, 65_536, 300_000];
    const messages = sizes.map((size) => Buffer.alloc(size, `of ${size};`));
    const streams = await Promise.all(Array.from({ length: 10 }, open));
    for (const message of messages) for (const { sink } of streams) sink.write(message);
    for (const { sink } of streams) end(sink);
    for (const { peer } of streams) {
      expect((await peer.ended).code).toBe(status.OK);
      expect(Buffer.concat(peer.messages).equals(Buffer.concat(messages))).toBe(true);
      expect(peer.messages.map(({ length }) => length)).toEqual(sizes);
    }
  });

  test.each([
    ['superseded', status.ABORTED],
    ['too-slow', status.RESOURCE_EXHAUSTED],
    ['handed-over', status.OK],
  ] as const)('ends %s with its status, after the last message', async (reason, code) => {
    const { sink, peer } = await open();
    sink.write(Buffer.from('goodbye'));
    end(sink, reason);
    expect(await peer.ended).toEqual({ code, details: code === status.OK ? 'OK' : 'that is all' });
    expect(peer.texts).toEqual(['goodbye']);
  });

  test('ends with the status of a refusal, also where nothing was written before', async () => {
    const { sink, peer } = await open();
    end(sink, 'protocol', new Refusal('HELLO_REQUIRED', 'no Hello came'));
    expect(await peer.ended).toEqual({ code: status.FAILED_PRECONDITION, details: 'no Hello came' });
    expect(peer.texts).toEqual([]);
  });

  test('writes on for a peer that has closed its side, until the end', async () => {
    const { call, sink, peer } = await open();
    const closed = new Promise((resolve) => call.on('end', resolve));
    peer.call.end();
    await closed;
    sink.write(Buffer.from('still'));
    sink.write(Buffer.from('here'));
    call.end();
    expect((await peer.ended).code).toBe(status.OK);
    expect(peer.texts).toEqual(['still', 'here']);
  });

  test('holds no more of a frozen peer than it says, and breaks its stream off', async () => {
    const { call, sink, peer, gone } = await open();
    sink.write(Buffer.from('first'));
    await until(() => peer.messages.length === 1);
    peer.call.pause();
    let drained = 0;
    sink.onDrain(() => (drained += 1));
    const message = Buffer.alloc(4_096, 'x');
    // What it is behind with: its window and the socket take some at first.
    for (let turnsBehind = 0; turnsBehind < 50;) {
      const before = drained;
      while (sink.write(message));
      await turns(5);
      turnsBehind = drained === before ? turnsBehind + 50 : 0;
    }
    expect(queuedBytes(call) + call.writableLength * message.length).toBeLessThanOrEqual(64 * 1_024 + 4_101);
    expect(gone()).toBe(false);
    sink.destroy();
    await until(gone);
    expect(sink.write(message)).toBe(true);
    expect(await peer.ended).toMatchObject({ code: status.UNAVAILABLE });
  });

  test('waits 10 s after its end for a peer to take what was written, and no longer', async () => {
    const { sink, peer, gone } = await open();
    peer.call.pause();
    for (let n = 0; n < 100; n++) sink.write(Buffer.alloc(4_096, 'x'));
    end(sink);
    clock.turn(9_999);
    await turns();
    expect(gone()).toBe(false);
    clock.turn(1);
    await until(gone);
    expect((await peer.ended).code).toBe(status.UNAVAILABLE);
  });

  test('has no timer left after a peer that took everything', async () => {
    const { call, sink, peer } = await open();
    sink.write(Buffer.from('goodbye'));
    end(sink);
    await peer.ended;
    await until(() => call.destroyed);
    await until(() => clock.timers === 0);
  });

  test('does nothing for a peer that resets the stream amid a burst, nor after that', async () => {
    const { sink, peer, gone } = await open();
    sink.write(Buffer.from('first'));
    await until(() => peer.messages.length === 1);
    for (let n = 0; n < 500; n++) sink.write(Buffer.alloc(1_000, 'x'));
    peer.call.cancel();
    for (let n = 0; n < 500; n++) sink.write(Buffer.alloc(1_000, 'y'));
    await until(() => {
      sink.write(Buffer.from('z'));
      return gone();
    });
    sink.write(Buffer.from('z'));
    end(sink, 'superseded');
    sink.destroy();
    sink.destroy();
    await turns();
  });

  test('does nothing after its end', async () => {
    const { sink, peer } = await open();
    sink.write(Buffer.from('last'));
    end(sink);
    expect(sink.write(Buffer.from('too late'))).toBe(true);
    expect((await peer.ended).code).toBe(status.OK);
    expect(sink.write(Buffer.from('far too late'))).toBe(true);
    expect(peer.texts).toEqual(['last']);
  });

  test('leaves deadlines to grpc-js, and does nothing after one', async () => {
    const client = new Client(target, credentials.createInsecure());
    const next = nextCall();
    const asked = client.makeBidiStreamRequest<Buffer, Buffer>(path, pass, pass, {
      deadline: systemClock.nowMs() + 100,
    });
    const got: string[] = [];
    asked.on('data', (bytes: Buffer) => got.push(String(bytes)));
    asked.on('error', () => undefined);
    const ended = new Promise<End>((resolve) => asked.on('status', resolve));
    const call = await next;
    const sink = sinks.of(call);
    sink.write(Buffer.from('in time'));
    expect((await ended).code).toBe(status.DEADLINE_EXCEEDED);
    for (let n = 0; n < 100; n++) {
      sink.write(Buffer.from('late'));
      await turn();
    }
    expect(got[0]).toBe('in time');
    client.close();
  });
});
