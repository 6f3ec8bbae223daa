// One run on socket.io with its Redis adapter.
import type { Bench } from './args.ts';
import { generate } from './generator.ts';
import type { PeerPrograms } from './peer-install.ts';
import { startPeer } from './peer-platform.ts';
import type { Report } from './report.ts';

// A process may have 20,000 open files. A websocket takes one of the node's and two of Envoy's, one to each side, and shares
// them with nobody.
const mostDirect = 19_000;
const mostThroughEnvoy = 9_500;

/** Starts the peer, does the same work over the same road, stops it. */
export async function runOnPeer(binary: string, bench: Bench, programs: PeerPrograms): Promise<Report> {
  await using peer = await startPeer(programs, bench.direct);
  const work = generate(binary, fitting(bench), {
    carrier: 'socketio',
    address: peer.gateway,
    key: peer.key,
    processes: Object.entries(peer.processes),
  });
  const failed = peer.failed.then((child) => {
    throw new Error([`${child.name} of the peer ended during the bench:`, ...child.tail()].join('\n  '));
  });
  return await Promise.race([work, failed]);
}

function fitting(bench: Bench): Bench {
  if (bench.bench === 'channel') {
    // A room to which the server emits; nobody acknowledges, as on a channel. It knows no classes and no flow control.
    if (bench.slowReaders > 0) process.stderr.write('socket.io gets no slow readers.\n');
    return { ...bench, bench: 'fanout', acks: false };
  }
  const most = bench.direct ? mostDirect : mostThroughEnvoy;
  if (bench.bench !== 'connections' || bench.streams <= most) return bench;
  process.stderr.write(`socket.io gets ${most} streams: open files allow no more.\n`);
  return { ...bench, streams: most };
}
