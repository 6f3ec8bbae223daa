/** What gRPC puts before a message: a byte that says it is not compressed, and its length. */
const prefixBytes = 5;

/**
 * Messages with their gRPC prefix, in one piece. Of a message that goes to many streams, one after another, it is made once, and
 * all of them are given the same bytes: nobody may change them.
 */
export class Framing {
  #message: Buffer | undefined;
  #framed: Buffer = Buffer.alloc(0);

  framed(message: Buffer): Buffer {
    if (message === this.#message) return this.#framed;
    const framed = Buffer.allocUnsafe(prefixBytes + message.length);
    framed[0] = 0;
    framed.writeUInt32BE(message.length, 1);
    message.copy(framed, prefixBytes);
    this.#message = message;
    this.#framed = framed;
    return framed;
  }
}
