/** One ms of waiting for each this many listeners: a handful hears at once. */
const listenersPerTickMs = 10;

/** How long after the last news of a topic the next wait for others to share a frame with. */
export function tickMsOf(listeners: number, maxTickMs: number): number {
  return Math.min(maxTickMs, listeners / listenersPerTickMs);
}
