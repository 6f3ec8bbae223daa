// Who is in a ChatLoad, on which devices, and who writes where.
import type { ExpectedThread } from '../replay/expected.ts';

export const devices: Readonly<Record<string, readonly string[]>> = {
  alice: ['phone', 'laptop', 'tablet'],
  bob: ['phone', 'laptop'],
  carol: ['phone'],
  dave: ['phone'],
  // Says what it says by plain calls, without the SDK, and listens with it.
  robot: ['screen'],
};

/** Who writes where. A user writes to a thread from one device only: else no order of theirs could be expected. */
export const scene: readonly { label: string; members: readonly string[]; authors: readonly string[] }[] = [
  {
    label: 'team',
    members: ['alice', 'bob', 'carol', 'dave', 'robot'],
    authors: ['alice/phone', 'bob/phone', 'carol/phone', 'dave/phone', 'robot/call'],
  },
  { label: 'alice and bob', members: ['alice', 'bob'], authors: ['alice/laptop', 'bob/laptop'] },
  { label: 'alice and carol', members: ['alice', 'carol'], authors: ['alice/tablet', 'carol/phone'] },
  { label: 'carol and dave', members: ['carol', 'dave'], authors: ['carol/phone', 'dave/phone'] },
];

export interface LoadThread {
  readonly id: string;
  readonly expected: ExpectedThread;
  /** Sequence of the last message that was acknowledged. */
  last: number;
}
