import { memo } from 'react';
import type { ReactNode } from 'react';
import type { Comment } from '#proto/parley/v1/channel_service.ts';
import { msOf, wireTime } from '../../core/times.ts';
import { Avatar, hueOf } from './avatar.tsx';
import { useApp, useName } from './context.ts';
import { IconButton } from './icon-button.tsx';
import { Icon } from './icon.tsx';
import { MessageText } from './message-text.tsx';
import { useMenu } from './popover.tsx';
import type { MenuItem } from './popover.tsx';

const silenceMs = 10 * 60_000;

interface CommentProps {
  readonly comment: Comment;
  readonly channelId: string;
  readonly isModerator: boolean;
  readonly reply: (comment: Comment) => void;
}

export const CommentRow = memo(function CommentRow({
  comment,
  channelId,
  isModerator,
  reply,
}: CommentProps): ReactNode {
  const { desk, texts, times } = useApp();
  const openMenu = useMenu();
  const { senderId, number, text, mentionIds, moderator, replyToSenderId } = comment;
  const name = useName(senderId);
  const answered = useName(replyToSenderId);
  const ms = msOf(comment.createTime) ?? 0;
  const isMine = senderId === desk.me;
  const { client } = desk.parley;
  const items: MenuItem[] = [{ label: texts.reply, icon: 'reply', pick: () => reply(comment) }];
  if (isModerator) {
    items.push({
      label: texts.pinComment,
      icon: 'pin',
      pick: () => void desk.act(client.call('/parley.v1.ChannelService/PinComment', { channelId, number })),
    });
    if (!isMine && !moderator && senderId !== '') {
      const silence = (): void => {
        const untilTime = { ...wireTime(Date.now() + silenceMs) };
        void desk.act(
          client.call('/parley.v1.ChannelService/RestrictUser', { channelId, userId: senderId, untilTime }),
        );
      };
      items.push({ label: texts.silence, icon: 'forbidden', pick: silence });
    }
  }
  if (isMine || isModerator) {
    items.push({
      label: texts.delete,
      icon: 'trash',
      isDanger: true,
      pick: () => void desk.act(client.call('/parley.v1.ChannelService/DeleteComment', { channelId, number })),
    });
  }
  return (
    <li className={isMine ? 'comment mine' : 'comment'}>
      <Avatar userId={senderId} size="small" />
      <div>
        <span className="comment-head">
          <b className={`hue-${hueOf(senderId)}`} dir="auto">
            {name}
          </b>
          {moderator && <span className="role-badge">{texts.moderator}</span>}
          {replyToSenderId !== '' && (
            <span className="quiet">
              <Icon name="reply" /> <span dir="auto">{answered}</span>
            </span>
          )}
          <time dateTime={new Date(ms).toISOString()} title={times.full(ms)}>
            {times.time(ms)}
          </time>
        </span>
        <MessageText text={text} mentionIds={mentionIds} />
      </div>
      <IconButton
        icon="more"
        label={texts.more}
        onClick={(event) => openMenu(event.currentTarget, texts.messageActions, items)}
      />
    </li>
  );
});
