import type { LanguageName } from '../text/texts.ts';
import { Cell } from './cell.ts';

/** What this browser keeps of how the app looks; everything else is the account's. */
export interface Settings {
  readonly theme: 'system' | 'light' | 'dark';
  readonly language: LanguageName;
  /** Desktop notifications, where the browser lets. */
  readonly notify: boolean;
  /** Live posts that were opened, the last one first. */
  readonly posts: readonly string[];
}

const key = 'parley.settings';
const mostPosts = 20;

export class SettingsStore extends Cell<Settings> {
  constructor() {
    super({ ...usual(), ...kept() });
    this.subscribe(() => {
      try {
        localStorage.setItem(key, JSON.stringify(this.get()));
      } catch {
        // Without room they hold as long as the page.
      }
      this.#show();
    });
    // As another tab left them.
    addEventListener('storage', (event) => {
      if (event.key === key) this.set({ ...usual(), ...kept() });
    });
    this.#show();
  }

  /** Remembers that a live post was opened. */
  addPost(channelId: string): void {
    const posts = this.get().posts;
    if (!posts.includes(channelId)) this.change({ posts: [channelId, ...posts].slice(0, mostPosts) });
  }

  removePost(channelId: string): void {
    this.change({ posts: this.get().posts.filter((it) => it !== channelId) });
  }

  #show(): void {
    const { theme, language } = this.get();
    const { dataset } = document.documentElement;
    if (theme === 'system') delete dataset['theme'];
    else dataset['theme'] = theme;
    document.documentElement.lang = language === 'zh' ? 'zh-Hans' : 'en';
  }
}

function usual(): Settings {
  const isChinese = navigator.languages.find((it) => /^(en|zh)\b/.test(it))?.startsWith('zh') ?? false;
  return { theme: 'system', language: isChinese ? 'zh' : 'en', notify: false, posts: [] };
}

function kept(): Partial<Settings> {
  try {
    return JSON.parse(localStorage.getItem(key) ?? '{}') as Partial<Settings>;
  } catch {
    return {};
  }
}
