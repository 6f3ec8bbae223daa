import { expect, test } from 'vitest';
import { Relay } from '../../replay/relay.ts';
import { AppScene, line, openChat, openChatWith, say } from '../support/app-scene.ts';

test('what is written without a connection is sent when it is back, once, and the page says how it stands', async () => {
  await using scene = await AppScene.start();
  const [host = '', port = ''] = scene.platform.gateway.split(':');
  const bob = await scene.person('Bob');
  await using relay = await Relay.start({ host, port: Number(port) });
  const alice = await scene.person('Alice', { origin: `http://${relay.address}` });
  await openChatWith(alice, 'bob');
  await say(alice, 'before');
  await openChat(bob, 'Alice');
  await line(bob, 'before').waitFor();
  await say(bob, 'here');
  const online = alice.locator('.bar').getByText('online', { exact: true });
  await online.waitFor();

  await alice.context().setOffline(true);
  relay.cut('reset');
  await alice.getByText('You are offline').waitFor();
  // Of the others nothing is known then.
  await online.waitFor({ state: 'detached' });
  await say(alice, 'in the dark');
  await line(alice, 'in the dark').getByRole('img', { name: 'Waiting for a connection' }).waitFor();

  await alice.context().setOffline(false);
  await line(bob, 'in the dark').waitFor();
  await alice.getByText('You are offline').waitFor({ state: 'hidden' });
  await online.waitFor();
  await line(alice, 'in the dark').getByRole('img', { name: 'Sent' }).waitFor();
  expect(await bob.locator('article.line', { hasText: 'in the dark' }).count()).toBe(1);
});

test('without an answer at all the page says so, and how to go on', async () => {
  await using scene = await AppScene.start();
  const alice = await scene.person('Alice');
  await scene.platform.nodes[0]?.kill();
  await alice.getByText(/Not connected\. Next try in \d+ s|Connecting/).waitFor();
  await scene.platform.nodes[0]?.start();
  await alice.getByText(/Not connected|Connecting/).waitFor({ state: 'hidden' });
});
