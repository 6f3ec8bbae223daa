// An entry of the wire as the record keeps it.
import { createHash } from 'node:crypto';
import type { Content, Entry } from '#proto/parley/v1/entry.ts';
import type { Said } from './record.ts';

export function hashOf(text: string): string {
  return createHash('sha1').update(text).digest('base64url').slice(0, 12);
}

export function saidIn({ senderId: sender, clientMessageId: ref, kind }: Entry): Said {
  const said = { sender, ref, subject: '', body: '', edit: 0, erased: false };
  switch (kind?.$case) {
    case 'message': {
      const { content, editSequence, deleteSequence } = kind.value;
      const erased = deleteSequence > 0n;
      // Of what is erased only that counts.
      return { ...said, what: 'message', body: bodyOf(content), edit: erased ? 0 : Number(editSequence), erased };
    }
    case 'messageEdited': {
      const { targetSequence, content } = kind.value;
      return { ...said, what: 'edit', subject: String(targetSequence), body: bodyOf(content) };
    }
    case 'messageDeleted':
      return { ...said, what: 'delete', subject: String(kind.value.targetSequence) };
    case 'reactionChanged': {
      const { targetSequence, emoji, removed } = kind.value;
      return { ...said, what: 'reaction', subject: `${targetSequence}${emoji}${removed ? '-' : '+'}` };
    }
    case 'threadCreated':
      return { ...said, what: 'created', subject: kind.value.members.map(({ userId }) => userId).join(',') };
    case 'memberAdded':
      return { ...said, what: 'added', subject: kind.value.userId };
    case 'memberRemoved':
      return { ...said, what: 'removed', subject: kind.value.userId };
    default:
      return { ...said, what: 'other' };
  }
}

function bodyOf(content: Content | undefined): string {
  const body = content?.body;
  if (body === undefined) return '';
  return body.$case === 'text' ? hashOf(body.value) : 'no text';
}
