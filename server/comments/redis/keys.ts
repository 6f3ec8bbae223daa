import { topicOf } from '../../bus/bus.ts';
import type { ChannelId } from '../../core/ids.ts';

/** Names in Redis for one channel, all in the slot of the shard channel that its topic is heard on. */
export interface Keys {
  /** The shard channel that the bus on Redis listens to. */
  readonly shardChannel: string;
  readonly state: string;
  readonly kept: string;
  readonly ids: string;
  readonly slow: string;
  readonly listeners: string;
}

/** `prefix`: that of the bus; no braces. */
export function keysOf(prefix: string, channelId: ChannelId): Keys {
  const shardChannel = prefix + topicOf.post(channelId);
  return {
    shardChannel,
    state: `{${shardChannel}}:state`,
    kept: `{${shardChannel}}:kept`,
    ids: `{${shardChannel}}:ids`,
    slow: `{${shardChannel}}:slow`,
    listeners: `{${shardChannel}}:listeners`,
  };
}
