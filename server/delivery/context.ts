import type { Bus } from '../bus/bus.ts';
import type { Clock } from '../core/clock.ts';
import type { RetentionRules } from '../core/retention.ts';
import type { Registry } from '../presence/registry.ts';
import type { Store } from '../store/store.ts';
import type { ChannelHub } from './channels/channel-hub.ts';
import type { Flusher } from './flusher.ts';
import type { FrameEncoder, Goodbye, GoodbyeReason, SessionLimits } from './frames.ts';
import type { GroupReceipts } from './group-receipts.ts';
import type { Hub } from './hub.ts';
import type { Policy } from './policy.ts';
import type { ReceiptFrames } from './receipt-frames.ts';
import type { Receipts } from './receipts.ts';
import type { ResumeTokens } from './resume-token.ts';
import type { ThreadViews } from './thread-views.ts';

/** What every session of a node shares. Made once, in app.ts. */
export interface DeliveryContext {
  readonly store: Store;
  readonly bus: Bus;
  readonly registry: Registry;
  readonly views: ThreadViews;
  readonly hub: Hub;
  readonly channels: ChannelHub;
  readonly receipts: Receipts;
  readonly groupReceipts: GroupReceipts;
  readonly receiptFrames: ReceiptFrames;
  readonly policy: Policy;
  readonly retention: RetentionRules;
  readonly clock: Clock;
  readonly flusher: Flusher;
  readonly encode: FrameEncoder;
  readonly limits: SessionLimits;
  readonly resumeTokens: ResumeTokens;
  /** The goodbye that a reason stands for, with its reconnect rule. */
  goodbyeOf(reason: GoodbyeReason, message: string): Goodbye;
}
