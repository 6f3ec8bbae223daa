/** One ms of waiting for each this many listeners: a handful hears at once. */
const listenersPerTickMs = 10;
/** What the longest wait is for. Each tick costs a frame to every listener: more of them wait longer in proportion. */
const listenersOfMaxTick = 5_000;

/** How long after the last news of a topic the next wait for others to share a frame with. */
export function tickMsOf(listeners: number, maxTickMs: number): number {
  return Math.min(maxTickMs * Math.max(1, listeners / listenersOfMaxTick), listeners / listenersPerTickMs);
}
