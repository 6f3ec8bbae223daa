/** What gRPC puts before a message: a byte that says it is not compressed, and its length. */
const prefixBytes = 5;
/** A channel that is faster than its listeners tells them several different ones by turns. */
const remembered = 8;

/**
 * Messages with their gRPC prefix, in one piece. Of a message that goes to many streams, one after another, it is made once, and
 * all of them are given the same bytes: nobody may change them.
 */
export class Framing {
  readonly #recent: { readonly message: Buffer; readonly framed: Buffer }[] = [];
  #oldest = 0;

  framed(message: Buffer): Buffer {
    for (const known of this.#recent) if (known.message === message) return known.framed;
    const framed = Buffer.allocUnsafe(prefixBytes + message.length);
    framed[0] = 0;
    framed.writeUInt32BE(message.length, 1);
    message.copy(framed, prefixBytes);
    this.#recent[this.#oldest] = { message, framed };
    this.#oldest = (this.#oldest + 1) % remembered;
    return framed;
  }
}
