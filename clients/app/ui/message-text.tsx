import { memo, useMemo, useState } from 'react';
import type { ReactNode } from 'react';
import { beginningOf, isEmojiOnly, piecesOf } from '../store/tokens.ts';
import { useApp, useName } from './context.ts';

interface TextProps {
  readonly text: string;
  readonly mentionIds: readonly string[];
}

/** What somebody wrote. It is data: React makes text of it, and links lead to http and https alone. */
export const MessageText = memo(function MessageText({ text, mentionIds }: TextProps): ReactNode {
  const { texts } = useApp();
  const [isWhole, setWhole] = useState(false);
  const beginning = useMemo(() => beginningOf(text), [text]);
  const shown = beginning === undefined || isWhole ? text : `${beginning.text} …`;
  const [first, ...more] = mentionIds.slice(0, 50);
  const pieces =
    first === undefined ? (
      <Pieces text={shown} mentions={none} />
    ) : (
      <WithName userId={first} more={more} mentions={none} text={shown} />
    );
  return (
    <>
      <span className={isEmojiOnly(text) ? 'text emoji-only' : 'text'} dir="auto">
        {pieces}
      </span>
      {beginning !== undefined && (
        <button type="button" className="show-more" onClick={() => setWhole(!isWhole)} aria-expanded={isWhole}>
          {isWhole ? texts.showLess : texts.showMore(beginning.lines)}
        </button>
      )}
    </>
  );
});

const none: ReadonlyMap<string, string> = new Map();

interface NamesProps {
  readonly userId: string;
  readonly more: readonly string[];
  readonly mentions: ReadonlyMap<string, string>;
  readonly text: string;
}

/** Names are looked up one below the other, since each is a subscription. */
function WithName({ userId, more, mentions, text }: NamesProps): ReactNode {
  const name = useName(userId);
  const known = new Map(mentions).set(`@${name}`, userId).set(`@${userId}`, userId);
  const [next, ...rest] = more;
  if (next === undefined) return <Pieces text={text} mentions={known} />;
  return <WithName userId={next} more={rest} mentions={known} text={text} />;
}

function Pieces({
  text,
  mentions,
}: {
  readonly text: string;
  readonly mentions: ReadonlyMap<string, string>;
}): ReactNode {
  const { desk } = useApp();
  return piecesOf(text, mentions).map((piece, index) => {
    if (piece.kind === 'text') return piece.text;
    if (piece.kind === 'link') {
      return (
        <a key={index} href={piece.href} target="_blank" rel="noopener noreferrer nofollow">
          {piece.text}
        </a>
      );
    }
    return (
      <span key={index} className={piece.userId === desk.me ? 'mention mine' : 'mention'}>
        {piece.text}
      </span>
    );
  });
}
