import type { Hello } from '#proto/parley/v1/stream_service.ts';
import type { CallOptions, Carrier, CarrierStream, StreamListener } from '../../clients/core/carrier.ts';
import type { Path, RequestOf, ResponseOf } from '../../clients/core/methods.ts';

/** A carrier that loses what it is told to lose, and may be broken on purpose. */
export class Tampered implements Carrier {
  readonly #carrier: Carrier;
  readonly #fault: 'forgets-resume' | undefined;
  #losing = 0;

  constructor(carrier: Carrier, fault: 'forgets-resume' | undefined) {
    this.#carrier = carrier;
    this.#fault = fault;
  }

  get name(): string {
    return this.#carrier.name;
  }

  get version(): string {
    return this.#carrier.version;
  }

  /** Loses the next so many frames of entries. */
  lose(frames: number): void {
    this.#losing += frames;
  }

  open(hello: Hello, token: string, listener: StreamListener): CarrierStream {
    const said = this.#fault === 'forgets-resume' ? { ...hello, resumeToken: new Uint8Array() as never } : hello;
    return this.#carrier.open(said, token, {
      frames: (frames, bytes) => {
        const kept = frames.filter(({ frame }) => {
          if (this.#losing === 0 || frame?.$case !== 'entriesAppended') return true;
          this.#losing -= 1;
          return false;
        });
        listener.frames(kept, bytes);
      },
      ended: (error) => listener.ended(error),
    });
  }

  call<P extends Path>(path: P, request: RequestOf<P>, options: CallOptions): Promise<ResponseOf<P>> {
    return this.#carrier.call(path, request, options);
  }

  close(): void {
    this.#carrier.close();
  }
}
