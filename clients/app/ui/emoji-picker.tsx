import type { ReactNode } from 'react';
import { useApp } from './context.ts';
import { IconButton } from './icon-button.tsx';

const quickEmoji = ['👍', '❤️', '😂', '🎉', '😮', '🙏'] as const;

const more =
  '😀 😄 😁 😅 😂 🤣 🙂 😉 😊 😍 😘 😋 😎 🤔 🤨 😐 🙄 😏 😣 😴 😌 😕 😢 😭 😤 😡 🤯 😱 🥳 🤗 🫡 👀 ' +
  '👍 👎 👏 🙌 🙏 💪 👋 🤝 ✌️ 🤞 👌 ✅ ❌ ❓ ❗ 💯 ❤️ 🧡 💚 💙 💔 ✨ 🔥 🎉 🎂 🎁 🚀 ⭐ ☀️ 🌧️ ☕ 🍵 🍺 🍕 🥟 🐛 🐢 💡 📌 ⏰';

/** A grid of emoji. */
export function EmojiGrid({ pick }: { readonly pick: (emoji: string) => void }): ReactNode {
  const { texts } = useApp();
  return (
    <div className="emoji-grid" role="group" aria-label={texts.emoji}>
      {more.split(' ').map((emoji, index) => (
        <button key={index} type="button" data-cell="" aria-label={emoji} onClick={() => pick(emoji)}>
          {emoji}
        </button>
      ))}
    </div>
  );
}

interface QuickProps {
  readonly pick: (emoji: string) => void;
  readonly more: () => void;
}

/** The usual reactions in a row, and the way to all of them. */
export function QuickReactions({ pick, more: openAll }: QuickProps): ReactNode {
  const { texts } = useApp();
  return (
    <div className="quick-emoji" role="group" aria-label={texts.react}>
      {quickEmoji.map((emoji) => (
        <button key={emoji} type="button" data-cell="" aria-label={texts.reactWith(emoji)} onClick={() => pick(emoji)}>
          {emoji}
        </button>
      ))}
      <IconButton icon="plus" label={texts.moreEmoji} data-cell="" onClick={openAll} />
    </div>
  );
}
