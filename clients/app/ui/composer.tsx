import { useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from 'react';
import type { KeyboardEvent, ReactNode, Ref } from 'react';
import type { Message } from '#proto/parley/v1/thread.ts';
import { textOf } from '../../core/fold.ts';
import { mentionedIn } from '../store/tokens.ts';
import { useApp } from './context.ts';
import { EmojiGrid } from './emoji-picker.tsx';
import { IconButton } from './icon-button.tsx';
import { Icon } from './icon.tsx';
import { MentionPicker, wordAt } from './mention-picker.tsx';
import type { Mentionable } from './mention-picker.tsx';
import { QuoteOf } from './message-row.tsx';

export interface ComposerHandle {
  focus(): void;
  reply(message: Message): void;
  edit(message: Message): void;
  /** What was written was not taken: it stands there again, before what was written since. */
  putBack(written: Written): void;
}

export interface Written {
  readonly text: string;
  readonly mentionIds: readonly string[];
  readonly replyTo: bigint;
  /** The message that is changed by it; undefined = a new one. */
  readonly editOf: Message | undefined;
}

interface ComposerProps {
  /** What is half written is kept under it. */
  readonly keepAs: string;
  readonly label: string;
  readonly maxBytes: number;
  readonly mentionable: readonly Mentionable[];
  readonly onMention: () => void;
  readonly onSend: (written: Written) => void;
  readonly onTyping?: (active: boolean) => void;
  /** ArrowUp in an empty field: what is to be edited. */
  readonly lastOwn?: () => Message | undefined;
  readonly handle: Ref<ComposerHandle>;
  readonly disabled?: boolean;
}

const encoder = new TextEncoder();

/** Where people write. Enter sends, Shift+Enter breaks the line; what an input method composes is its own until it is done. */
export function Composer(props: ComposerProps): ReactNode {
  const {
    keepAs,
    label,
    maxBytes,
    mentionable,
    onMention,
    onSend,
    onTyping,
    lastOwn,
    handle,
    disabled = false,
  } = props;
  const { desk, texts } = useApp();
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(() => desk.written(keepAs));
  const [replyTo, setReplyTo] = useState<Message>();
  const [editOf, setEditOf] = useState<Message>();
  const [caret, setCaret] = useState(0);
  const [mentions, setMentions] = useState<ReadonlyMap<string, string>>(new Map());
  const [picked, setPicked] = useState(0);
  /** Where the caret is to stand in a text that the field does not show yet. */
  const nextCaret = useRef<number>(undefined);
  const [isComposing, setComposing] = useState(false);
  /** Where a word begins for which nobody is to be offered. */
  const [declined, setDeclined] = useState<number>();
  const isTooLong = text.length > maxBytes / 3 && encoder.encode(text).length > maxBytes;

  const word = isComposing || disabled ? undefined : wordAt(text, caret);
  const candidates =
    word === undefined || word.from === declined ? [] : mentionable.filter((it) => it.matches(word.text)).slice(0, 8);

  const show = (next: string, at = next.length): void => {
    nextCaret.current = at;
    setText(next);
    setCaret(at);
  };
  const write = (next: string, at?: number): void => {
    show(next, at);
    if (editOf === undefined) desk.keepWritten(keepAs, next);
  };
  const cancel = (): void => {
    if (editOf !== undefined) write(desk.written(keepAs));
    setReplyTo(undefined);
    setEditOf(undefined);
  };
  /** What was half written is kept meanwhile. */
  const edit = (message: Message): void => {
    setEditOf(message);
    setReplyTo(undefined);
    show(textOf(message.content) ?? '');
    field.current?.focus();
  };
  useImperativeHandle(handle, () => ({
    focus: () => field.current?.focus(),
    reply(message) {
      if (editOf !== undefined) setText(desk.written(keepAs));
      setReplyTo(message);
      setEditOf(undefined);
      field.current?.focus();
    },
    edit,
    putBack(lost) {
      if (lost.editOf !== undefined) {
        edit(lost.editOf);
        show(lost.text);
        return;
      }
      const since = desk.written(keepAs);
      const all = since === '' ? lost.text : `${lost.text}\n${since}`;
      desk.keepWritten(keepAs, all);
      if (editOf === undefined) setText(all);
    },
  }));
  useLayoutEffect(() => {
    const it = field.current;
    if (it === null) return;
    it.style.height = 'auto';
    it.style.height = `${Math.min(it.scrollHeight, Math.max(120, innerHeight * 0.4))}px`;
  }, [text]);
  useLayoutEffect(() => {
    const at = nextCaret.current;
    // Not a frame later: what is typed meanwhile would go on before what was typed first.
    if (at !== undefined) field.current?.setSelectionRange(at, at);
    nextCaret.current = undefined;
  });
  useEffect(() => {
    // Who is mentioned in what was half written is to be known too.
    if (word !== undefined || text.includes('@')) onMention();
  }, [word === undefined]);

  const send = (): void => {
    const trimmed = text.trim();
    if (trimmed === '' || isTooLong || disabled) return;
    const mentionIds = mentionedIn(trimmed, mentions, editOf?.mentionIds ?? [], mentionable);
    onSend({ text: trimmed, mentionIds, replyTo: replyTo?.sequence ?? 0n, editOf });
    onTyping?.(false);
    setReplyTo(undefined);
    setEditOf(undefined);
    if (editOf === undefined) setMentions(new Map());
    setText(editOf === undefined ? '' : desk.written(keepAs));
    if (editOf === undefined) desk.keepWritten(keepAs, '');
  };
  const mention = (it: Mentionable): void => {
    if (word === undefined) return;
    const before = `${text.slice(0, word.from)}@${it.name} `;
    setMentions(new Map(mentions).set(`@${it.name}`, it.userId));
    write(before + text.slice(caret).replace(/^\S*/, ''), before.length);
    setPicked(0);
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    // 229: a key that an input method takes; some browsers end the composition before they tell of the key that did.
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (candidates.length > 0) {
      const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
      if (step !== 0) {
        event.preventDefault();
        setPicked((picked + step + candidates.length) % candidates.length);
        return;
      }
      if (event.key === 'Escape') {
        event.preventDefault();
        setDeclined(word?.from);
        return;
      }
      const chosen = candidates[picked] ?? candidates[0];
      if ((event.key === 'Enter' || event.key === 'Tab') && chosen !== undefined) {
        event.preventDefault();
        mention(chosen);
        return;
      }
    }
    if (event.key === 'Enter' && !event.shiftKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      send();
    } else if (event.key === 'Escape' && (replyTo !== undefined || editOf !== undefined)) {
      event.preventDefault();
      cancel();
    } else if (event.key === 'ArrowUp' && text === '' && editOf === undefined) {
      const last = lastOwn?.();
      if (last === undefined) return;
      event.preventDefault();
      edit(last);
    }
  };
  const openEmoji = (anchor: Element): void => {
    const pick = (emoji: string): void => {
      desk.popover.set(undefined);
      const at = field.current?.selectionStart ?? text.length;
      write(text.slice(0, at) + emoji + text.slice(at), at + emoji.length);
      field.current?.focus();
    };
    desk.popover.set({ anchor, content: <EmojiGrid pick={pick} /> });
  };
  const quoted = editOf ?? replyTo;
  return (
    <div className="composer">
      {quoted !== undefined && (
        <div className="composing-on">
          <Icon name={editOf === undefined ? 'reply' : 'edit'} />
          <span className="quoted">{editOf === undefined ? <QuoteOf message={quoted} /> : <b>{texts.editing}</b>}</span>
          <IconButton icon="close" label={texts.cancel} onClick={cancel} />
        </div>
      )}
      {candidates.length > 0 && <MentionPicker candidates={candidates} picked={picked} pick={mention} />}
      <div className="composer-field">
        <IconButton icon="smile" label={texts.emoji} hint onClick={(event) => openEmoji(event.currentTarget)} />
        <textarea
          ref={field}
          id="composer"
          rows={1}
          dir="auto"
          value={text}
          placeholder={label}
          aria-label={label}
          aria-invalid={isTooLong}
          aria-controls={candidates.length > 0 ? 'mention-list' : undefined}
          aria-activedescendant={candidates.length > 0 ? `mention-${picked}` : undefined}
          disabled={disabled}
          onKeyDown={onKeyDown}
          onCompositionStart={() => setComposing(true)}
          onCompositionEnd={() => setComposing(false)}
          onSelect={(event) => setCaret(event.currentTarget.selectionStart)}
          onChange={(event) => {
            const { value, selectionStart } = event.currentTarget;
            setText(value);
            setCaret(selectionStart);
            setPicked(0);
            if (wordAt(value, selectionStart)?.from !== declined) setDeclined(undefined);
            if (editOf === undefined) desk.keepWritten(keepAs, value);
            onTyping?.(value !== '');
          }}
        />
        <button
          type="button"
          className="send-button"
          aria-label={texts.send}
          title={texts.send}
          disabled={text.trim() === '' || isTooLong}
          // The field keeps the focus, and a phone its keyboard.
          onMouseDown={(event) => event.preventDefault()}
          onClick={(event) => {
            if (document.activeElement === event.currentTarget) field.current?.focus();
            send();
          }}
        >
          <Icon name={editOf === undefined ? 'send' : 'check'} />
        </button>
      </div>
      {isTooLong && (
        <p className="field-error" role="alert">
          {texts.tooLong}
        </p>
      )}
    </div>
  );
}
