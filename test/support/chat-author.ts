// Who says something in a ChatLoad: a device with the SDK, or somebody who makes plain calls.
import { MessageServiceService, SendMessageRequest } from '#proto/parley/v1/message_service.ts';
import { until } from '../../platform/wait.ts';
import type { Client } from '../replay/history.ts';
import type { ChatDevice } from './chat-device.ts';
import type { LoadThread } from './chat-scene.ts';
import type { RawClient } from './raw-client.ts';
import { textContent } from './raw-people.ts';

/** One user in one thread. */
export interface Author {
  readonly client: Client;
  readonly thread: LoadThread;
  /** Sends that wait for an answer at once. */
  readonly pipelined: number;
  /** `ref` becomes the client_message_id. Gives the sequence, or undefined when it gave up. */
  send(ref: string, text: string): Promise<number | undefined>;
}

export function sdkAuthor({ client, parley }: ChatDevice, thread: LoadThread, pipelined: number): Author {
  return {
    client,
    thread,
    pipelined,
    send: async (ref, text) => Number((await parley.send(thread.id, text, { clientMessageId: ref })).sequence),
  };
}

/**
 * Sends by unary calls, and asks again with the same id until it is answered. `givesUp` is asked at each call that breaks:
 * then what was sent may be in the log or not. One at a time: calls overtake each other.
 */
export function callingAuthor(raw: RawClient, client: Client, thread: LoadThread, givesUp: () => boolean): Author {
  const send: Author['send'] = async (clientMessageId, text) => {
    const request = SendMessageRequest.create({ threadId: thread.id, clientMessageId, content: textContent(text) });
    const ask = async (): Promise<{ sequence?: number } | undefined> => {
      const { response, status } = await raw.call(MessageServiceService.sendMessage, request);
      if (response !== undefined) return { sequence: Number(response.sequence) };
      // A node that dies within its answer is told by the gateway as INTERNAL without a reason.
      const isBroken = status.code === 'UNAVAILABLE' || (status.code === 'INTERNAL' && status.reason === undefined);
      if (!isBroken) throw new Error(`${status.code} ${status.reason}: ${status.message}`);
      return givesUp() ? {} : undefined;
    };
    return (await until(ask, { what: `an answer to ${clientMessageId}`, withinMs: 60_000, everyMs: 100 })).sequence;
  };
  return { client, thread, pipelined: 1, send };
}
