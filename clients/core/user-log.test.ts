import { beforeEach, describe, expect, test } from 'vitest';
import { UserEntry } from '#proto/parley/v1/account.ts';
import { ManualRuntime, settled } from '../../test/support/manual-runtime.ts';
import { ScriptedCarrier } from '../../test/support/scripted-carrier.ts';
import { ParleyClient } from './client.ts';

describe('the user’s own log', () => {
  let runtime: ManualRuntime;
  let carrier: ScriptedCarrier;
  let heard: number[];
  let log: UserEntry[];

  const entry = (sequence: number): UserEntry => UserEntry.fromPartial({ sequence: BigInt(sequence) });

  beforeEach(async () => {
    runtime = new ManualRuntime();
    carrier = new ScriptedCarrier();
    heard = [];
    log = [1, 2, 3, 4, 5].map(entry);
    carrier.answer = (path, request: { afterSequence: bigint }) => {
      if (path !== '/parley.v1.PeopleService/ListUserEntries') throw new Error(path);
      return { entries: log.slice(Number(request.afterSequence)), headSequence: BigInt(log.length), epoch: 1n };
    };
    const client = new ParleyClient({ carrier, getToken: () => 'jwt', deviceId: 'phone', runtime });
    client.on('userEntry', ({ sequence }) => heard.push(Number(sequence)));
    await client.start();
    await settled();
  });

  function tell(...sequences: number[]): void {
    carrier.last.tell({ $case: 'userEntriesAppended', value: { entries: sequences.map(entry) } });
  }

  describe('what it tells', () => {
    test('is told each once and in order', () => {
      carrier.last.welcome();
      tell(1, 2);
      carrier.last.caughtUp('t', 2n);
      tell(2, 3);
      expect(heard).toEqual([1, 2, 3]);
    });

    test('begins where the server says that all was told', () => {
      carrier.last.welcome();
      carrier.last.caughtUp('t', 3n);
      tell(4);
      expect(heard).toEqual([4]);
    });

    test('is fetched where it has a hole', async () => {
      carrier.last.welcome();
      carrier.last.caughtUp('t', 2n);
      tell(5);
      await runtime.advance(1000);
      expect(heard).toEqual([3, 4, 5]);
    });

    test('is fetched at once where entries were skipped', async () => {
      carrier.last.welcome();
      carrier.last.caughtUp('t', 0n);
      carrier.last.tell({
        $case: 'skipped',
        value: { what: { $case: 'userLog', value: true }, from: 1n, to: 5n, reason: 2, heldUntilAcknowledged: false },
      });
      await settled();
      expect(heard).toEqual([1, 2, 3, 4, 5]);
    });

    test('loses nothing of what came behind entries that were skipped while the stream opened', async () => {
      carrier.last.welcome();
      carrier.last.tell({
        $case: 'skipped',
        value: { what: { $case: 'userLog', value: true }, from: 1n, to: 3n, reason: 2, heldUntilAcknowledged: false },
      });
      tell(4, 5);
      carrier.last.caughtUp('t', 5n);
      await runtime.advance(1000);
      expect(heard).toEqual([1, 2, 3, 4, 5]);
    });

    test('starts over when its epoch is another', async () => {
      carrier.last.welcome();
      carrier.last.caughtUp('t', 5n);
      carrier.last.end();
      await runtime.advance(300);
      carrier.last.welcome({ userEpoch: 2n });
      tell(1, 2);
      expect(heard).toEqual([1, 2]);
    });
  });
});
