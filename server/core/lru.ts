/** A map of at most `capacity` entries that drops the least recently used one. */
export class Lru<Key, Value> {
  readonly #map = new Map<Key, Value>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#map.size;
  }

  get(key: Key): Value | undefined {
    const value = this.#map.get(key);
    if (value === undefined) return undefined;
    // Moves the key to the young end only when the map is half full: below that nothing will be dropped soon.
    if (this.#map.size * 2 > this.#capacity) {
      this.#map.delete(key);
      this.#map.set(key, value);
    }
    return value;
  }

  set(key: Key, value: Value): void {
    this.#map.delete(key);
    this.#map.set(key, value);
    if (this.#map.size <= this.#capacity) return;
    for (const oldest of this.#map.keys()) {
      this.#map.delete(oldest);
      return;
    }
  }

  delete(key: Key): void {
    this.#map.delete(key);
  }

  clear(): void {
    this.#map.clear();
  }
}
