import { useEffect, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, ReactNode } from 'react';
import type { Message, Thread } from '#proto/parley/v1/thread.ts';
import { ParleyError } from '../../core/errors.ts';
import { useConnection, useView } from '../../web/react/index.ts';
import { sentenceOf } from '../text/texts.ts';
import { Composer } from './composer.tsx';
import type { ComposerHandle, Written } from './composer.tsx';
import { ConversationHeader } from './conversation-header.tsx';
import { ConversationLines } from './conversation-lines.tsx';
import type { LinesHandle } from './conversation-lines.tsx';
import { useApp, useName } from './context.ts';
import { Details } from './details.tsx';
import { mentionableOf } from './mention-picker.tsx';
import { useMessageActions } from './use-message-actions.tsx';
import { UnblockButton } from './unblock-button.tsx';

const maxBytes = 65_536;
const group = 2;

/** One thread: what was said, and where to say something. */
export function ConversationView({ threadId }: { readonly threadId: string }): ReactNode {
  const { desk, texts } = useApp();
  const [conversation] = useState(() => desk.openConversation(threadId));
  const { thread: snapshot, count } = useView(conversation);
  const { thread } = snapshot;
  const blocked = useView(desk.blocked);
  const [hasDetails, setDetails] = useState(false);
  const composer = useRef<ComposerHandle>(null);
  const lines = useRef<LinesHandle>(null);
  const actions = useMessageActions({ conversation, thread, composer, lines });
  useEffect(() => {
    if (matchMedia('(hover: hover)').matches) composer.current?.focus();
  }, []);

  const send = (written: Written): void => {
    const { text, mentionIds, replyTo, editOf } = written;
    const { client } = desk.parley;
    const putBack = (): void => composer.current?.putBack(written);
    if (editOf !== undefined) {
      void desk.act(client.messages.edit(threadId, editOf.sequence, { text, mentionIds }), putBack);
      return;
    }
    // Then nobody takes it: what was written before, the next page sends.
    const isClosed = client.connection.phase === 'closed';
    client.send(threadId, { text, mentionIds }, replyTo === 0n ? {} : { replyTo }).catch((error: unknown) => {
      // Any other refusal is shown in its place: see DraftRow.
      const isNotTaken = error instanceof ParleyError && ['OUTBOX_FULL', 'DRAFT_NOT_SAVED'].includes(error.reason);
      if (!isNotTaken && !isClosed) return;
      desk.say(desk.sentence(error));
      putBack();
    });
    conversation.leaveUnread();
    lines.current?.toEnd();
  };
  const lastOwn = (): Message | undefined => {
    for (const item of snapshot.items.toReversed()) {
      if (item.kind !== 'message' || item.message.senderId !== desk.me) continue;
      if (item.message.deleteSequence === 0n && !item.message.erased) return item.message;
    }
    return undefined;
  };

  if (thread === undefined && snapshot.error !== undefined && count === 0) {
    return (
      <section className="conversation" aria-label={texts.conversation}>
        <ConversationHeader thread={undefined} snapshot={snapshot} lines={lines} openDetails={() => {}} />
        <div className="empty">
          <p>{sentenceOf(texts, snapshot.error)}</p>
        </div>
      </section>
    );
  }
  const isMember = thread?.head?.member !== false;
  const isBlocked = thread !== undefined && thread.peerId !== '' && blocked.has(thread.peerId);
  return (
    <>
      <section
        className={isMember ? 'conversation' : 'conversation left'}
        aria-label={texts.conversation}
        onKeyDown={(event) => escapeToComposer(event, composer.current)}
      >
        <ConversationHeader
          thread={thread}
          snapshot={snapshot}
          lines={lines}
          openDetails={() => setDetails(!hasDetails)}
        />
        <ConversationLines conversation={conversation} actions={actions} handle={lines} />
        <div className="foot">
          <TypingLine typing={snapshot.typing} isGroup={thread?.kind === group} />
          {!isMember ? (
            <p className="foot-note">{texts.youLeft}</p>
          ) : isBlocked ? (
            <BlockedNote userId={thread.peerId} />
          ) : (
            <ThreadComposer thread={thread} threadId={threadId} send={send} lastOwn={lastOwn} composer={composer} />
          )}
        </div>
      </section>
      {hasDetails && thread !== undefined && <Details thread={thread} close={() => setDetails(false)} />}
    </>
  );
}

function escapeToComposer(event: KeyboardEvent, composer: ComposerHandle | null): void {
  if (event.key === 'Escape' && !(event.target instanceof HTMLTextAreaElement)) composer?.focus();
}

interface ThreadComposerProps {
  readonly thread: Thread | undefined;
  readonly threadId: string;
  readonly send: (written: Written) => void;
  readonly lastOwn: () => Message | undefined;
  readonly composer: React.RefObject<ComposerHandle | null>;
}

function ThreadComposer({ thread, threadId, send, lastOwn, composer }: ThreadComposerProps): ReactNode {
  const { desk, texts } = useApp();
  const peer = useName(thread?.peerId ?? '');
  const members = useView(desk.members).get(threadId);
  const mentionable = useMemo(
    () =>
      (members ?? []).flatMap(({ member, profile }) =>
        member === undefined || member.userId === desk.me
          ? []
          : [mentionableOf(member.userId, profile?.displayName ?? '')],
      ),
    [members, desk],
  );
  const name =
    thread === undefined
      ? undefined
      : thread.kind === group
        ? thread.name
        : thread.peerId === desk.me
          ? undefined
          : peer;
  return (
    <Composer
      keepAs={threadId}
      label={name === undefined ? texts.write : texts.writeTo(name)}
      maxBytes={maxBytes}
      mentionable={mentionable}
      onMention={() => {
        if (thread?.kind === group && members === undefined) void desk.readMembers(threadId);
      }}
      onSend={send}
      onTyping={(active) => desk.parley.client.typing(threadId, active)}
      lastOwn={lastOwn}
      handle={composer}
    />
  );
}

function BlockedNote({ userId }: { readonly userId: string }): ReactNode {
  const { texts } = useApp();
  const name = useName(userId);
  return (
    <p className="foot-note">
      {texts.youBlocked(name)} <UnblockButton userId={userId} />
    </p>
  );
}

function TypingLine({ typing, isGroup }: { readonly typing: readonly string[]; readonly isGroup: boolean }): ReactNode {
  const { texts } = useApp();
  const [first = '', second = ''] = typing;
  const [one, two] = [useName(first), useName(second)];
  const { phase } = useConnection();
  if (typing.length === 0 || phase !== 'live') return <p className="typing" aria-hidden="true" />;
  const said =
    typing.length === 1
      ? texts.typingOne(one)
      : typing.length === 2
        ? texts.typingTwo(one, two)
        : texts.typingMany(typing.length);
  return (
    <p className={isGroup ? 'typing group' : 'typing'} role="status">
      <span className="typing-dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      {said}
    </p>
  );
}
