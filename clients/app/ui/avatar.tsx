import { memo } from 'react';
import type { ReactNode } from 'react';
import { profileView } from '../../web/people.ts';
import { useView } from '../../web/react/index.ts';
import { initialsOf } from '../text/initials.ts';
import { isOnline, useApp, useName, usePresence } from './context.ts';

const hues = 10;

/** The same user has the same colour everywhere. */
export function hueOf(id: string): number {
  let hash = 7;
  for (const letter of id) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return hash % hues;
}

type Size = 'small' | 'medium' | 'large';

export const Avatar = memo(function Avatar(props: {
  readonly userId: string;
  readonly size?: Size;
  readonly presence?: boolean;
}): ReactNode {
  const { userId, size = 'medium', presence = false } = props;
  const name = useName(userId);
  const { desk } = useApp();
  const profile = useView(profileView(desk.parley, userId === '' ? desk.me : userId));
  const url = userId === '' ? '' : (profile?.avatarUrl ?? '');
  return (
    <span className={`avatar ${size} hue-${hueOf(userId)}`} aria-hidden="true">
      {url.startsWith('https://') ? (
        <img src={url} alt="" loading="lazy" referrerPolicy="no-referrer" />
      ) : (
        initialsOf(name)
      )}
      {presence && <PresenceDot userId={userId} />}
    </span>
  );
});

function PresenceDot({ userId }: { readonly userId: string }): ReactNode {
  return isOnline(usePresence(userId)) ? <span className="presence-dot" /> : null;
}

export function GroupAvatar({
  id,
  name,
  size = 'medium',
}: {
  readonly id: string;
  readonly name: string;
  readonly size?: Size;
}): ReactNode {
  return (
    <span className={`avatar group ${size} hue-${hueOf(id)}`} aria-hidden="true">
      {initialsOf(name)}
    </span>
  );
}
