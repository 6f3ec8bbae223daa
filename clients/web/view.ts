/**
 * Something to look at that changes: the present value, and a call at each change. Values are never changed in place: the
 * same value means that nothing changed. It is what React's useSyncExternalStore takes, and needs no framework.
 */
export interface View<T> {
  /** The value now. The same object until something changes. */
  get(): T;
  /**
   * Calls after each change, later than the change and once for several at the same time; never during `subscribe`. What a view
   * needs from the server is asked for while somebody is subscribed, and 2 s longer. The answer ends it.
   */
  subscribe(changed: () => void): () => void;
}
