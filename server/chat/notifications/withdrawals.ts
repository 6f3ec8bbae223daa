import type { Clock } from '../../core/clock.ts';
import type { ThreadId, UserId } from '../../core/ids.ts';
import type { NotifyQueue } from '../../notify/queue.ts';
import { Debts } from './debts.ts';
import type { PushDevices } from './push-devices.ts';

interface Read {
  readonly userId: UserId;
  readonly threadId: ThreadId;
  readonly read: bigint;
}

export interface WithdrawalsOptions {
  readonly queue: NotifyQueue;
  readonly devices: PushDevices;
  readonly clock: Clock;
  readonly onTrouble: (error: unknown) => void;
}

/** Has what devices show of a thread taken away when its user reads it elsewhere. */
export class Withdrawals implements AsyncDisposable {
  readonly #options: WithdrawalsOptions;
  readonly #asking = new Set<Promise<void>>();
  readonly #owed: Debts<string, Read>;

  constructor(options: WithdrawalsOptions) {
    this.#options = options;
    this.#owed = new Debts({
      clock: options.clock,
      merge: (one, other) => (one.read > other.read ? one : other),
      pay: (some) =>
        Promise.all(
          some.map(([, read]) =>
            this.#withdraw(read).then(
              () => true,
              () => false,
            ),
          ),
        ),
    });
  }

  /**
   * The user has read the thread up to `read`, and that is stored. Of a user whom no notification reaches it costs nothing. Undefined, or resolved when
   * the queue has it or is owed it; never rejects.
   */
  read(userId: UserId, threadId: ThreadId, read: bigint): Promise<void> | undefined {
    if (this.#options.devices.hasNone(userId)) return undefined;
    const one = { userId, threadId, read };
    const asking = this.#withdraw(one)
      .catch((error: unknown) => {
        this.#options.onTrouble(error);
        this.#owed.add(`${threadId} ${userId}`, one);
      })
      .finally(() => this.#asking.delete(asking));
    this.#asking.add(asking);
    return asking;
  }

  /** When nothing is read any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#asking);
    await this.#owed[Symbol.asyncDispose]();
  }

  async #withdraw({ userId, threadId, read }: Read): Promise<void> {
    const { queue, devices } = this.#options;
    if ((await devices.of(userId)).length > 0) await queue.withdraw(userId, threadId, read);
  }
}
