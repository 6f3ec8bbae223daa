/** What was to be said, as the checker needs it: from a log's plan, or from whatever a test set out to send. */
import type { FilePlan } from './plan.ts';

export interface ExpectedMessage {
  kind: 'message';
  /** Unique within the thread. */
  ref: string;
  user: string;
  contentType: string;
  bytes: Uint8Array;
  /** Its author may have died before an answer: then it is in the log once or not at all. */
  inDoubt?: boolean;
}

export type ExpectedStep =
  | ExpectedMessage
  | {
      /** All steps before it have lower sequences, all after it higher ones. */
      kind: 'join' | 'leave';
      ref: string;
      user: string;
    }
  | {
      /** As above, without a sequence of its own. */
      kind: 'barrier';
    };

export interface ExpectedThread {
  label: string;
  /** Members from the start. */
  initial: string[];
  /** One user's messages have sequences in this order; between barriers those of different users need not. */
  steps: ExpectedStep[];
  /** Authors who are members at the end must know everybody there to have, and to have read, the last message. */
  receipts: boolean;
}

/** `operator` is in the group from the start to the end, to let people in, and says nothing. */
export function expectFile(plan: FilePlan, operator: string): ExpectedThread {
  return {
    label: plan.name,
    initial: [operator, ...plan.initial],
    receipts: true,
    steps: plan.steps.map((step): ExpectedStep => {
      const ref = String(step.line);
      if (step.kind === 'send') return { kind: 'message', ref, user: step.user, ...step.body };
      if (!step.changes) return { kind: 'barrier' };
      return { kind: step.kind, ref: `${step.kind} ${ref}`, user: step.user };
    }),
  };
}
