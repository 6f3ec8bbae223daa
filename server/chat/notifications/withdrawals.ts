import type { ThreadId, UserId } from '../../core/ids.ts';
import type { NotifyQueue } from '../../notify/queue.ts';
import type { PushDevices } from './push-devices.ts';

/** Has what devices show of a thread taken away when its user reads it elsewhere. */
export class Withdrawals {
  readonly #queue: NotifyQueue;
  readonly #devices: PushDevices;
  readonly #onTrouble: (error: unknown) => void;

  constructor(queue: NotifyQueue, devices: PushDevices, onTrouble: (error: unknown) => void) {
    this.#queue = queue;
    this.#devices = devices;
    this.#onTrouble = onTrouble;
  }

  /**
   * The user has read the thread up to `read`, and that is stored. Of a user whom no notification reaches it costs nothing. Undefined, or resolved when
   * the queue has it; never rejects.
   */
  read(userId: UserId, threadId: ThreadId, read: bigint): Promise<void> | undefined {
    if (this.#devices.hasNone(userId)) return undefined;
    return this.#withdraw(userId, threadId, read).catch(this.#onTrouble);
  }

  async #withdraw(userId: UserId, threadId: ThreadId, read: bigint): Promise<void> {
    const devices = await this.#devices.of(userId);
    if (devices.length > 0) await this.#queue.withdraw(userId, threadId, read);
  }
}
