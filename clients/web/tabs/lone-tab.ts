import type { Hello } from '#proto/parley/v1/stream_service.ts';
import type { CallOptions, Carrier, CarrierStream, StreamListener } from '../../core/carrier.ts';
import type { Path, RequestOf, ResponseOf } from '../../core/methods.ts';
import type { Runtime } from '../../core/runtime.ts';
import { Hub } from './hub.ts';

export interface LoneTabOptions {
  readonly userId: string;
  readonly deviceId: string;
  readonly runtime: Runtime;
  changed(role: 'alone' | 'asleep'): void;
}

/** A tab that shares its session with no other: what Tabs is to several. */
export class LoneTab implements Carrier {
  readonly name: string;
  readonly version: string;
  readonly #carrier: Carrier;
  readonly #hub: Hub;
  readonly #options: LoneTabOptions;

  constructor(carrier: Carrier, options: LoneTabOptions) {
    this.#carrier = carrier;
    this.#options = options;
    this.name = carrier.name;
    this.version = carrier.version;
    const { userId, deviceId, runtime } = options;
    const setTimer = (delayMs: number, run: () => void): void => void runtime.setTimer(delayMs, run);
    const nobody = { post: () => undefined };
    this.#hub = new Hub(carrier, nobody, {
      userId,
      deviceId,
      heads: () => [],
      unread: () => 0,
      leads: () => true,
      setTimer,
    });
  }

  join(): void {
    this.#options.changed('alone');
  }

  sleep(): void {
    this.#options.changed('asleep');
  }

  signOut(): void {
    // Nobody else is there.
  }

  open(hello: Hello, token: string, listener: StreamListener): CarrierStream {
    return this.#hub.open(hello, token, listener);
  }

  call<P extends Path>(path: P, request: RequestOf<P>, options: CallOptions): Promise<ResponseOf<P>> {
    return this.#carrier.call(path, request, options);
  }

  close(): void {
    this.#carrier.close();
  }
}
