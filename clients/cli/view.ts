import type { Editor } from './editor.ts';

/** Everything that is on the screen, as values: `screen` draws it, the plain front end prints it. */
export interface View {
  readonly me: string;
  readonly connection: ConnectionLine;
  readonly threads: readonly ThreadLine[];
  readonly open: OpenThread | undefined;
  /** Rows below the last one shown; 0 = at the end, whatever comes. */
  readonly scroll: number;
  /** The sequence of the newest line when `scroll` was set: what came after it is below too. */
  readonly anchor: bigint;
  /** The sequence of the line to begin with, instead of `scroll`; undefined = none. */
  readonly top: bigint | undefined;
  readonly editor: Editor;
  /** The last thing that happened, one line. */
  readonly notice: string;
  /** Shown instead of the thread: help, a list of members. */
  readonly overlay: readonly string[] | undefined;
  readonly colour: boolean;
}

export interface ConnectionLine {
  readonly mark: string;
  readonly text: string;
}

export interface ThreadLine {
  readonly name: string;
  /** `●` online, `○` offline, `?` unknown, `#` a group, empty = not for one to see. */
  readonly mark: string;
  readonly unread: number;
  readonly isOpen: boolean;
  readonly isMuted: boolean;
}

export interface OpenThread {
  readonly title: string;
  readonly subtitle: string;
  readonly lines: readonly ChatLine[];
  /** Nothing older is there to be fetched. */
  readonly hasBeginning: boolean;
  readonly typing: readonly string[];
}

export type ChatLine =
  | {
      readonly kind: 'message';
      /** Place of the line in the thread; 0 = a draft. */
      readonly at: bigint;
      /** `#12`; empty for a draft. */
      readonly number: string;
      readonly time: string;
      readonly name: string;
      readonly isMine: boolean;
      readonly text: string;
      /** The beginning of what it answers; empty = nothing. */
      readonly quote: string;
      /** `(edited)`, reactions. */
      readonly extras: string;
      /** `…`, `✓`, `✓✓`, `✓✓ read`, `✗ reason`; empty for others’ messages. */
      readonly ticks: string;
    }
  | { readonly kind: 'note'; readonly at: bigint; readonly text: string }
  | { readonly kind: 'unread'; readonly count: number };
