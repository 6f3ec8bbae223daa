import type { ReactNode } from 'react';
import type { Entry } from '#proto/parley/v1/entry.ts';
import { useApp, useName } from './context.ts';

/** Somebody came, went, got a role; the group was named. */
export function ChangeRow({ entry }: { readonly entry: Entry }): ReactNode {
  const { texts } = useApp();
  const who = useName(entry.senderId);
  const { kind } = entry;
  const whomId = kind !== undefined && 'userId' in kind.value ? kind.value.userId : entry.senderId;
  const whom = useName(whomId);
  const isBySystem = entry.senderId === '';
  const said = ((): string => {
    switch (kind?.$case) {
      case 'threadCreated':
        return kind.value.name === '' ? texts.beginning : texts.made(who, kind.value.name);
      case 'memberAdded':
        return isBySystem || whomId === entry.senderId ? texts.joined(whom) : texts.added(who, whom);
      case 'memberRemoved':
        return isBySystem || whomId === entry.senderId ? texts.left(whom) : texts.removed(who, whom);
      case 'roleChanged':
        return texts.roleChanged(whom, texts.role[kind.value.role] ?? '');
      case 'groupChanged':
        return texts.renamed(who, kind.value.name);
      case 'retentionChanged':
        return texts.retentionChanged(who);
      default:
        return texts.unknownMessage;
    }
  })();
  return (
    <p className="change" dir="auto">
      {said}
    </p>
  );
}
