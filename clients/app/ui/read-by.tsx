import { useEffect, useState } from 'react';
import type { ReactNode } from 'react';
import type { Message } from '#proto/parley/v1/thread.ts';
import { Avatar } from './avatar.tsx';
import { useApp, useName } from './context.ts';
import { Dialog } from './dialog.tsx';
import { TickMark } from './icon.tsx';

interface Reached {
  readonly read: readonly string[];
  readonly delivered: readonly string[];
}

/** Who has a message, and who has read it. */
export function ReadBy({ threadId, message }: { readonly threadId: string; readonly message: Message }): ReactNode {
  const { desk, texts } = useApp();
  const [reached, setReached] = useState<Reached>();
  useEffect(() => {
    const ask = async (): Promise<Reached> => {
      const [read, delivered]: [string[], string[]] = [[], []];
      for (let pageToken = ''; ;) {
        const page = await desk.parley.client.receipts.list(threadId, { pageSize: 500, pageToken });
        for (const { userId, deliveredSequence, readSequence } of page.receipts) {
          if (userId === desk.me) continue;
          if (readSequence >= message.sequence) read.push(userId);
          else if (deliveredSequence >= message.sequence) delivered.push(userId);
        }
        pageToken = page.nextPageToken;
        if (pageToken === '') return { read, delivered };
      }
    };
    void desk.act(ask()).then(setReached);
  }, [desk, threadId, message]);
  const isNobody = reached !== undefined && reached.read.length + reached.delivered.length === 0;
  return (
    <Dialog title={texts.readBy}>
      {reached === undefined && <p className="quiet">{texts.loading}</p>}
      {isNobody && <p className="quiet">{texts.nobodyYet}</p>}
      {(['read', 'delivered'] as const).map((state) => {
        const users = reached?.[state] ?? [];
        if (users.length === 0) return null;
        return (
          <section key={state} className="people-list">
            <h3>
              <TickMark state={state} /> {texts[state]}
            </h3>
            <ul>
              {users.map((userId) => (
                <PersonLine key={userId} userId={userId} />
              ))}
            </ul>
          </section>
        );
      })}
    </Dialog>
  );
}

function PersonLine({ userId }: { readonly userId: string }): ReactNode {
  return (
    <li className="person">
      <Avatar userId={userId} size="small" />
      <span dir="auto">{useName(userId)}</span>
    </li>
  );
}
