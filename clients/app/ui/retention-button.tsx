import type { ReactNode } from 'react';
import type { Retention } from '#proto/parley/v1/retention.ts';
import type { Thread } from '#proto/parley/v1/thread.ts';
import type { Texts } from '../text/en.ts';
import type { Times } from '../text/times.ts';
import { useApp } from './context.ts';
import { Icon } from './icon.tsx';
import { useMenu } from './popover.tsx';
import type { MenuItem } from './popover.tsx';

const direct = 1;
const ownerRole = 3;
const [keep, keepFor, untilDelivered] = [1, 2, 3] as const;
const dayS = 86_400n;

const choices: readonly Retention[] = [
  { mode: keep, duration: undefined },
  { mode: keepFor, duration: { seconds: 30n * dayS, nanos: 0 } },
  { mode: keepFor, duration: { seconds: dayS, nanos: 0 } },
  { mode: untilDelivered, duration: undefined },
];

/** How long a chat's messages are kept; who may say so can change it. */
export function RetentionButton({ thread }: { readonly thread: Thread }): ReactNode {
  const { desk, texts, times } = useApp();
  const openMenu = useMenu();
  const { retention, threadId } = thread;
  if (retention === undefined) return null;
  const now = ruleText(retention, texts, times);
  const label = (
    <>
      <Icon name="trash" />
      <span>
        {texts.retention} <small>{now}</small>
      </span>
    </>
  );
  if (thread.kind !== direct && thread.role !== ownerRole) return <p className="row-button">{label}</p>;
  const items = choices.map((choice): MenuItem => ({
    label: ruleText(choice, texts, times),
    icon: choice.mode === keep ? 'check' : 'trash',
    pick: () => void desk.act(desk.parley.client.threads.setRetention(threadId, choice)),
  }));
  return (
    <button
      type="button"
      className="row-button"
      onClick={(event) => openMenu(event.currentTarget, texts.retention, items)}
    >
      {label}
    </button>
  );
}

function ruleText({ mode, duration }: Retention, texts: Texts, times: Times): string {
  const time = duration === undefined ? '' : times.span(Number(duration.seconds));
  if (mode === untilDelivered) return time === '' ? texts.untilDelivered : texts.untilDeliveredFor(time);
  return mode === keepFor ? texts.keptFor(time) : texts.keptForGood;
}
