import type { ReactNode } from 'react';
import { channelView } from '../../web/channel.ts';
import { useView } from '../../web/react/index.ts';
import { useApp } from './context.ts';

/** A live post in the list. It is not listened to from here. */
export function PostItem({ channelId, isOpen }: { readonly channelId: string; readonly isOpen: boolean }): ReactNode {
  const { desk, texts } = useApp();
  return (
    <li>
      <a
        href={`/live/${channelId}`}
        className="item"
        aria-current={isOpen ? 'page' : undefined}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          desk.openPost(channelId);
        }}
      >
        <span className="avatar medium post" aria-hidden="true">
          <span className="live-dot" />
        </span>
        <span className="item-text">
          <span className="item-line">
            <b dir="auto">{postTitle(channelId)}</b>
          </span>
          <span className="item-line">
            <span className="preview">{isOpen ? <Viewers channelId={channelId} /> : texts.liveBadge}</span>
          </span>
        </span>
      </a>
    </li>
  );
}

function Viewers({ channelId }: { readonly channelId: string }): ReactNode {
  const { desk, texts } = useApp();
  const { channel, stats } = useView(channelView(desk.parley, channelId));
  return texts.viewers(Math.max(1, Number(stats?.listenerCount ?? channel?.listenerCount ?? 1n)));
}

/** A channel has no title in Parley, its post has: the id, made readable. */
export function postTitle(channelId: string): string {
  const words = channelId.replace(/^[a-z]+:/, '').replaceAll(/[-_.:]+/g, ' ');
  return words.charAt(0).toLocaleUpperCase() + words.slice(1);
}
