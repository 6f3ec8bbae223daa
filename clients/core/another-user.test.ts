// Somebody else signed in where the client's tokens come from.
import { expect, test } from 'vitest';
import { settled } from '../../test/support/manual-runtime.ts';
import { ScriptedClient } from '../../test/support/scripted-client.ts';
import { ScriptedThread } from '../../test/support/scripted-thread.ts';

function tokenOf(sub: string, exp = 1_700_000_050): string {
  return `e30.${Buffer.from(JSON.stringify({ sub, exp })).toString('base64url')}.`;
}

test('a token of another user is used for nothing: no call, no renewal, no stream, and it ends the client', async () => {
  let signedIn = 'alice';
  const scripted = new ScriptedClient({ userId: 'alice', getToken: () => tokenOf(signedIn) });
  const { carrier, client, runtime } = scripted;
  await client.start();
  await settled();
  carrier.last.welcome({ tokenExpireTime: { seconds: 1_700_000_050n, nanos: 0 } });
  carrier.last.caughtUp();
  signedIn = 'bob';
  await runtime.advance(60_000);
  await expect(client.threads.list({})).rejects.toMatchObject({ reason: 'ANOTHER_USER' });
  expect(carrier.last.of('reauthenticate')).toEqual([]);
  carrier.last.end();
  await runtime.advance(10_000);
  expect([carrier.streams.length, carrier.calls]).toEqual([1, []]);
  expect(client.connection).toMatchObject({ phase: 'closed', reason: 'refused', error: { reason: 'ANOTHER_USER' } });
});

test('a session that turns out to be of another user ends at once, before anything of it is told', async () => {
  const { carrier, client } = new ScriptedClient({ userId: 'alice' });
  await client.start();
  await settled();
  const thread = new ScriptedThread('t');
  carrier.last.welcome({ userId: 'mallory' });
  carrier.last.tell(thread.heads());
  carrier.last.caughtUp();
  expect(client.connection).toMatchObject({ phase: 'closed', reason: 'refused', error: { reason: 'ANOTHER_USER' } });
  expect([client.userId, client.heads()]).toEqual(['alice', []]);
});
