// What happens to Cassandra, to the gateway and to the issuer of tokens.
import type { CassandraNode } from '../../platform/cassandra/node.ts';
import { type Fault, last, oneOf, type Scene } from './fault.ts';

const cassandraOf = (scene: Scene): CassandraNode => oneOf(scene, scene.rig.cluster.cassandra.nodes);

export const otherFaults: readonly Fault[] = [
  {
    name: 'cassandra-kill',
    place: 'cassandra',
    async run(scene) {
      const node = cassandraOf(scene);
      scene.note('kills Cassandra');
      await node.kill();
      await last(scene, 1, 10);
      await node.start();
    },
  },
  {
    name: 'cassandra-pause',
    place: 'cassandra',
    async run(scene) {
      const node = cassandraOf(scene);
      scene.note('stops Cassandra');
      node.signal('SIGSTOP');
      try {
        await last(scene, 5, 30);
      } finally {
        node.signal('SIGCONT');
      }
    },
  },
  {
    name: 'envoy-kill',
    place: 'gateway',
    async run(scene) {
      scene.note('kills Envoy');
      await scene.rig.gateway.kill();
      await last(scene, 1, 10);
      await scene.rig.gateway.restart();
    },
  },
  {
    name: 'envoy-pause',
    place: 'gateway',
    async run(scene) {
      const { child } = scene.rig.gateway;
      scene.note('stops Envoy');
      child.signal('SIGSTOP');
      try {
        await last(scene, 5, 40);
      } finally {
        child.signal('SIGCONT');
      }
    },
  },
  {
    name: 'envoy-rollout',
    place: 'gateway',
    async run(scene) {
      scene.note('replaces Envoy by a second one');
      await scene.rig.gateway.replace(async () => void (await last(scene, 5, 15)));
    },
  },
  {
    name: 'jwks-down',
    place: 'keys',
    async run(scene) {
      scene.note("takes the issuer's keys away");
      for (const line of scene.rig.hops.jwks) line.cut();
      // Longer than anybody keeps keys without looking.
      await last(scene, 40, 80);
      for (const line of scene.rig.hops.jwks) line.mend();
    },
  },
];
