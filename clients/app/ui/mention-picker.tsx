import type { ReactNode } from 'react';
import { Avatar } from './avatar.tsx';
import { useApp } from './context.ts';

/** Somebody who can be mentioned. */
export interface Mentionable {
  readonly userId: string;
  readonly name: string;
  matches(typed: string): boolean;
}

export function mentionableOf(userId: string, displayName: string): Mentionable {
  const name = displayName || userId;
  const known = `${name}\n${userId}`.toLocaleLowerCase();
  return {
    userId,
    name,
    matches: (typed) => known.split(/[\s._-]|\n/).some((part) => part.startsWith(typed)) || known.startsWith(typed),
  };
}

/** The word after an `@` in which the caret stands. */
export function wordAt(text: string, caret: number): { readonly from: number; readonly text: string } | undefined {
  const match = /(?:^|[\s(，。])@([^\s@]{0,40})$/u.exec(text.slice(0, caret));
  if (match === null) return undefined;
  const typed = match[1] ?? '';
  return { from: caret - typed.length - 1, text: typed.toLocaleLowerCase() };
}

interface PickerProps {
  readonly candidates: readonly Mentionable[];
  readonly picked: number;
  readonly pick: (it: Mentionable) => void;
}

/** The field keeps the focus; arrows choose, Enter takes. */
export function MentionPicker({ candidates, picked, pick }: PickerProps): ReactNode {
  const { texts } = useApp();
  return (
    <ul className="mention-list" id="mention-list" role="listbox" aria-label={texts.mentionWhom}>
      {candidates.map((it, index) => (
        <li
          key={it.userId}
          id={`mention-${index}`}
          role="option"
          aria-selected={index === picked}
          onMouseDown={(event) => {
            event.preventDefault();
            pick(it);
          }}
        >
          <Avatar userId={it.userId} size="small" />
          <b dir="auto">{it.name}</b>
          {it.name !== it.userId && <span className="quiet">{it.userId}</span>}
        </li>
      ))}
    </ul>
  );
}
