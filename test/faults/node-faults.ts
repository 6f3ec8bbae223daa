// What happens to node processes.
import { setTimeout as delay } from 'node:timers/promises';
import { type Fault, last, oneOf } from './fault.ts';

const place = 'node';
const drainMs = 30_000;

export const nodeFaults: readonly Fault[] = [
  {
    name: 'node-kill',
    place,
    async run(scene) {
      const node = oneOf(scene, scene.rig.nodes);
      scene.note(`kills ${node.id}`);
      await node.kill('SIGKILL');
      await last(scene, 1, 20);
      await node.start();
    },
  },
  {
    name: 'node-pause',
    place,
    async run(scene) {
      const node = oneOf(scene, scene.rig.nodes);
      scene.note(`stops ${node.id}`);
      node.signal('SIGSTOP');
      try {
        await last(scene, 5, 60);
      } finally {
        node.signal('SIGCONT');
      }
    },
  },
  {
    name: 'loop-stall',
    place,
    async run(scene) {
      const node = oneOf(scene, scene.rig.nodes);
      for (let stall = 0; stall < 12; stall += 1) {
        const stallMs = 100 + scene.chance(3_000);
        scene.note(`stalls the event loop of ${node.id} for ${stallMs} ms`);
        await scene.rig.order(node, { shiftMs: 0, stallMs });
        await delay(stallMs + scene.chance(1_500));
      }
    },
  },
  {
    name: 'clock-step',
    place,
    async run(scene) {
      const node = oneOf(scene, scene.rig.nodes);
      const steps = [-3_600_000, 3_600_000, -30_000, 30_000, -2_000, 2_000];
      const shiftMs = oneOf(scene, steps);
      scene.note(`steps the clock of ${node.id} by ${shiftMs / 1000} s`);
      await scene.rig.order(node, { shiftMs, stallMs: 0 });
      await last(scene, 5, 30);
      await scene.rig.order(node, { shiftMs: 0, stallMs: 0 });
    },
  },
  {
    name: 'old-beside-new',
    place,
    async run(scene) {
      const { oldMain } = scene;
      if (oldMain === undefined) return scene.note('there is no older release to put beside this one');
      const node = oneOf(scene, scene.rig.nodes);
      scene.note(`replaces ${node.id} by one of the older release`);
      await node.kill('SIGTERM', drainMs);
      await node.start({}, oldMain);
      await last(scene, 20, 40);
      scene.note(`replaces it by one of this release`);
      await node.kill('SIGTERM', drainMs);
      await node.start();
    },
  },
  {
    name: 'rolling-restart',
    place,
    async run(scene) {
      for (const node of scene.rig.nodes) {
        scene.note(`replaces ${node.id}`);
        await node.kill('SIGTERM', drainMs);
        await node.start();
        await last(scene, 2, 5);
      }
    },
  },
];
