// A thread's log as a scripted server has it: entries to tell, and answers to ListEntries.
import { Entry } from '#proto/parley/v1/entry.ts';
import type { ListEntriesRequest, ListEntriesResponse } from '#proto/parley/v1/history_service.ts';
import type { ServerFrame } from '#proto/parley/v1/stream_service.ts';
import { ThreadHead } from '#proto/parley/v1/thread.ts';

type Tell = NonNullable<ServerFrame['frame']>;

export class ScriptedThread {
  readonly threadId: string;
  readonly entries: Entry[] = [];
  epoch = 1n;
  visibleFrom = 1;
  /** What the server says that the device acknowledged. */
  delivered = 0;
  unread = 0;

  constructor(threadId: string) {
    this.threadId = threadId;
  }

  /** Appends messages; answers the frame that tells them. */
  post(senderId: string, ...texts: string[]): Tell {
    const first = this.entries.length + 1;
    for (const text of texts) {
      const sequence = BigInt(this.entries.length + 1);
      const value = { content: { body: { $case: 'text', value: text } } } as const;
      this.entries.push(
        Entry.fromPartial({ sequence, ordinal: sequence, senderId, kind: { $case: 'message', value } }),
      );
    }
    return this.tell(first, this.entries.length);
  }

  /** The frame that tells some of its entries. */
  tell(from: number, to: number): Tell {
    const { threadId, epoch } = this;
    return { $case: 'entriesAppended', value: { threadId, epoch, entries: this.entries.slice(from - 1, to) } };
  }

  head(): ThreadHead {
    return ThreadHead.fromPartial({
      threadId: this.threadId,
      epoch: this.epoch,
      sequence: BigInt(this.entries.length),
      ordinal: BigInt(this.entries.length),
      visibleFromSequence: BigInt(this.visibleFrom),
      deliveredSequence: BigInt(this.delivered),
      unreadCount: BigInt(this.unread),
      member: true,
    });
  }

  heads(): Tell {
    return { $case: 'headsChanged', value: { heads: [this.head()] } };
  }

  skipped(from: number, to: number, heldUntilAcknowledged = false): Tell {
    const what = { $case: 'threadId', value: this.threadId } as const;
    return { $case: 'skipped', value: { what, from: BigInt(from), to: BigInt(to), reason: 1, heldUntilAcknowledged } };
  }

  /** Answers ListEntries, at most `mostEntries` a page. */
  list(request: ListEntriesRequest, mostEntries = 1000): ListEntriesResponse {
    const from = Math.max(Number(request.afterSequence) + 1, this.visibleFrom);
    return { entries: this.entries.slice(from - 1, from - 1 + mostEntries), head: this.head() };
  }
}
