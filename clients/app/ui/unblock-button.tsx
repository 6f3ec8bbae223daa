import type { ReactNode } from 'react';
import { useApp } from './context.ts';

export function UnblockButton({ userId }: { readonly userId: string }): ReactNode {
  const { desk, texts } = useApp();
  return (
    <button
      type="button"
      className="link-button"
      onClick={() => void desk.act(desk.parley.client.people.unblock(userId))}
    >
      {texts.unblock}
    </button>
  );
}
