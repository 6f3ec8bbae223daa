// What runs in the pages of the SDK's tests: it opens Parley for the user that the address names, and gives the test its handles.
import { openParley, textOf, threadsView, threadView } from '../../../clients/web/index.ts';
import type { Parley, ParleyOptions } from '../../../clients/web/index.ts';

declare global {
  interface Window {
    parley: Parley;
    /** A thread's lines as `sequence text`, then drafts as `… text`. */
    lines(threadId: string): string[];
    /** Texts of messages in the order they were told, with repeats. */
    told: string[];
    states: string[];
    threads(): string[];
    look(threadId: string): void;
    failure: string | undefined;
    /** For each time that it was caught up, whether it resumed. */
    resumed: boolean[];
    sending: Promise<unknown>;
    gatewayOrigin: string;
    /** Uses the disk's quota up. */
    fill(): void;
  }
}

const query = new URLSearchParams(location.search);
const userId = query.get('user') ?? '';
const options: ParleyOptions = {
  url: `http://${query.get('gateway')}`,
  userId,
  getToken: () => Promise.resolve(query.get('token') ?? ''),
  ...(query.has('alone') ? { shareTabs: false } : {}),
};

window.told = [];
window.states = [];
window.resumed = [];
window.gatewayOrigin = `http://${query.get('gateway')}`;

try {
  const parley = await openParley(options);
  window.states.push(parley.client.connection.phase);
  parley.client.on('connection', ({ phase }) => window.states.push(phase));
  parley.client.on('caughtUp', ({ resumed }) => window.resumed.push(resumed));
  parley.client.on('entry', ({ entry: { kind } }) => {
    if (kind?.$case === 'message') window.told.push(textOf(kind.value.content) ?? '?');
  });
  window.lines = (threadId) => {
    const { items, drafts } = threadView(parley, threadId).get();
    const messages = items.flatMap((item) => (item.kind === 'message' ? [item.message] : []));
    return [
      ...messages.map(({ sequence, content }) => `${sequence} ${textOf(content) ?? '?'}`),
      ...drafts.map(({ content }) => `… ${textOf(content) ?? '?'}`),
    ];
  };
  window.threads = () => {
    const { rows } = threadsView(parley).get();
    return rows.map(({ thread, unread }) => `${thread.peerId}${thread.name} ${unread}`);
  };
  window.look = (threadId) => {
    threadsView(parley).subscribe(() => undefined);
    threadView(parley, threadId).subscribe(() => undefined);
  };
  window.parley = parley;
} catch (error) {
  window.failure = String(error);
}
