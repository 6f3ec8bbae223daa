import type { Notification, Notifier, Verdict } from './notifier.ts';

/** Where notifications are written down. */
interface Lines {
  info(fields: object, message: string): void;
}

/** Sends nothing: each notification is a line of the log, without what it says. For where no push service is set up. */
export class LogNotifier implements Notifier {
  readonly name = 'log';
  readonly #lines: Lines;

  constructor(lines: Lines) {
    this.#lines = lines;
  }

  async send({ kind, to, threadId, sequence, badge }: Notification): Promise<Verdict> {
    const { userId: user, deviceId: device, platform } = to;
    const fields = { kind, user, device, platform, thread: threadId, sequence: String(sequence), badge };
    this.#lines.info(fields, 'notification, not sent: no push service is set up');
    return { outcome: 'sent' };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
