import { expect, test } from 'vitest';
import { type Body, emptyBody } from '../../server/core/entry.ts';
import type { UserId } from '../../server/core/ids.ts';
import {
  all,
  append,
  appendOf,
  change,
  created,
  deleted,
  edited,
  message,
  newLog,
  newUser,
  text,
  textOf,
} from './samples.ts';
import type { UnderTest } from './store.ts';

export function bodies({ store, reopen }: UnderTest): void {
  test('every kind of body comes back as it was given', async () => {
    const log = newLog();
    const attachment = { uri: 'https://files.test/a', contentType: 'image/png', name: 'ä.png', sizeBytes: 1n << 40n };
    const given: Body[] = [
      text(''),
      text('plain'),
      text('\u0000 日本語 👍 e\u0301'),
      { ...emptyBody, content: { opaque: Uint8Array.of(0, 255, 10, 128), contentType: 'application/x-sealed' } },
      { ...emptyBody, content: { opaque: new Uint8Array(0), contentType: 'application/x-empty' } },
      { content: { text: 'to two' }, mentions: [newUser(), 'żółć 日' as UserId], attachments: [attachment] },
      { mentions: [], attachments: [attachment, { ...attachment, sizeBytes: 0n }] },
      text('x'.repeat(65_536)),
      emptyBody,
    ];
    const messages = given.map((body) =>
      message('', { change: { kind: 'message', replyTo: 1n, body, editSequence: 0n, deleteSequence: 0n } }),
    );
    const { entries } = await append(store(), log, undefined, messages);
    const read = await all(store(), log);
    expect(read).toEqual(entries);
    expect(read.map((entry) => (entry.change.kind === 'message' ? entry.change.body : undefined))).toEqual(given);
  });

  test('every kind of change comes back as it was given', async () => {
    const log = newLog();
    const user = newUser();
    const given = [
      created(user, newUser('other')),
      change({ kind: 'member-added', userId: user, role: 'admin' }),
      change({ kind: 'role-changed', userId: user, role: 'owner' }),
      change({ kind: 'member-removed', userId: user }),
      change({ kind: 'group-changed', name: 'Übung', historyForNewMembers: false }),
      change({ kind: 'reaction-changed', target: 1n << 40n, emoji: '👩‍👩‍👧', removed: true }),
    ];
    const { entries } = await append(store(), log, undefined, given);
    expect(entries.map((entry) => entry.change)).toEqual(given.map((one) => one.change));
    expect(await all(store(), log)).toEqual(entries);
  });

  test('an edit replaces the body of its message', async () => {
    const log = newLog();
    const first = await append(store(), log, undefined, [message('before'), message('beside')]);
    await append(store(), log, first.head, [edited(1n, 'after')]);
    const [target, beside, edit] = await all(store(), log);
    expect([target, beside, edit].map(textOf)).toEqual(['after', 'beside', 'after']);
    expect(target?.change).toMatchObject({ kind: 'message', editSequence: 3n, deleteSequence: 0n });
    expect(beside?.change).toMatchObject({ editSequence: 0n });
    expect(target).toMatchObject({ sequence: 1n, ordinal: 1n, createTimeMs: first.entries[0]?.createTimeMs });
  });

  test('an edit may change everything in a body', async () => {
    const log = newLog();
    const first = await append(store(), log, undefined, [message('plain')]);
    const body: Body = {
      content: { opaque: Uint8Array.of(1), contentType: 'a/b' },
      mentions: [newUser()],
      attachments: [],
    };
    await append(store(), log, first.head, [change({ kind: 'message-edited', target: 1n, body })]);
    const [target, edit] = await all(store(), log);
    expect(target?.change).toMatchObject({ kind: 'message', body });
    expect(edit?.change).toEqual({ kind: 'message-edited', target: 1n, body });
  });

  test('of two edits, the later holds, and the earlier has no body any more', async () => {
    const log = newLog();
    const first = await append(store(), log, undefined, [message('one')]);
    const second = await append(store(), log, first.head, [edited(1n, 'two')]);
    await append(store(), log, second.head, [edited(1n, 'three')]);
    expect((await all(store(), log)).map(textOf)).toEqual(['three', undefined, 'three']);
  });

  test('an edit that is read without its message has the body all the same', async () => {
    const log = newLog();
    const first = await append(store(), log, undefined, [message('one'), message('two')]);
    await append(store(), log, first.head, [edited(1n, 'edited')]);
    const [edit] = await store().entries(log, { after: 2n, upTo: 3n, limit: 1 });
    expect(textOf(edit)).toBe('edited');
  });

  test('a delete erases the body, of the message and of its edits, and leaves the entry', async () => {
    const log = newLog();
    const first = await append(store(), log, undefined, [message('one'), message('two')]);
    const second = await append(store(), log, first.head, [edited(1n, 'edited')]);
    await append(store(), log, second.head, [deleted(1n)]);
    const [target, beside, edit, erased] = await all(store(), log);
    expect(target?.change).toEqual({
      kind: 'message',
      replyTo: 0n,
      body: emptyBody,
      editSequence: 3n,
      deleteSequence: 4n,
    });
    expect(target).toMatchObject({ sequence: 1n, ordinal: 1n, clientMessageId: first.entries[0]?.clientMessageId });
    expect(textOf(beside)).toBe('two');
    expect(edit?.change).toEqual({ kind: 'message-edited', target: 1n, body: emptyBody });
    expect(erased?.change).toEqual({ kind: 'message-deleted', target: 1n });
  });

  test('what was deleted stays so, whatever is appended after it', async () => {
    const log = newLog();
    const first = await append(store(), log, undefined, [message('one')]);
    const second = await append(store(), log, first.head, [deleted(1n)]);
    await append(store(), log, second.head, [edited(1n, 'back?'), deleted(1n)]);
    const [target, , edit] = await all(store(), log);
    expect(target?.change).toMatchObject({ body: emptyBody, deleteSequence: 2n });
    expect(textOf(edit)).toBeUndefined();
  });

  test('a message, its edit and its delete may be appended as one group', async () => {
    const log = newLog();
    await append(store(), log, undefined, [message('a'), message('b'), edited(1n, 'A'), edited(1n, 'AA'), deleted(2n)]);
    expect((await all(store(), log)).map(textOf)).toEqual(['AA', undefined, undefined, 'AA', undefined]);
  });

  test('an edit of what is no message is a mistake of the caller, and nothing is appended', async () => {
    const log = newLog();
    const { head } = await append(store(), log, undefined, [created(newUser())]);
    for (const target of [1n, 7n]) {
      const group = [message('beside'), edited(target, 'x')];
      await expect(store().append(log, appendOf(head, group))).rejects.toThrow(/needs a message/);
    }
    expect(await all(store(), log)).toHaveLength(1);
    expect((await append(store(), log, head, [message('after')])).head.sequence).toBe(2n);
  });

  test('an edit that follows an earlier head is a conflict before it is a mistake', async () => {
    const log = newLog();
    const first = await append(store(), log, undefined, [message('one')]);
    const second = await append(store(), log, first.head, [message('two')]);
    const late = await store().append(log, appendOf(first.head, [edited(2n, 'TWO')]));
    expect(late).toEqual({ outcome: 'conflict', head: second.head });
  });

  test('edits and deletes hold after the process was replaced', async () => {
    const log = newLog();
    const first = await append(store(), log, undefined, [message('a'), message('b')]);
    await append(store(), log, first.head, [edited(1n, 'A'), deleted(2n)]);
    const before = await all(store(), log);
    expect(await all(await reopen(), log)).toEqual(before);
    await store().compact();
    expect(await all(store(), log)).toEqual(before);
  });
}
