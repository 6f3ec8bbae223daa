import { expect, test } from 'vitest';
import { settled } from '../../test/support/manual-runtime.ts';
import { refusal } from '../../test/support/scripted-carrier.ts';
import { ScriptedClient } from '../../test/support/scripted-client.ts';
import * as Code from './codes.ts';

test('an own stream that was dropped before it opened may supersede the one after it: that is opened again, once', async () => {
  const { client, carrier, runtime } = new ScriptedClient();
  await client.start();
  await settled();
  client.reconnect();
  await settled();
  expect(carrier.streams).toHaveLength(2);
  const supersede = (): void => {
    carrier.last.welcome();
    carrier.last.caughtUp();
    carrier.last.goodbye({ reason: 2, reconnect: false });
    carrier.last.end(refusal('X', Code.ABORTED));
  };
  supersede();
  await runtime.advance(1000);
  expect(carrier.streams).toHaveLength(3);
  supersede();
  expect(client.connection).toMatchObject({ phase: 'closed', reason: 'superseded' });
});
