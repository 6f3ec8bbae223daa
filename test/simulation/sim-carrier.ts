import type { Hello, ServerFrame } from '#proto/parley/v1/stream_service.ts';
import type { CallOptions, Carrier, CarrierStream, StreamListener } from '../../clients/core/carrier.ts';
import * as Code from '../../clients/core/codes.ts';
import { errorOfStatus, ParleyError } from '../../clients/core/errors.ts';
import type { Path, RequestOf, ResponseOf } from '../../clients/core/methods.ts';
import { Refusal } from '../../server/core/errors.ts';
import type { SessionId, UserId } from '../../server/core/ids.ts';
import { refusalOf, statusOf } from '../../server/rpc/errors.ts';
import { type Break, SimLine, unavailable } from './sim-line.ts';
import type { SimNode } from './sim-node.ts';
import { callerOf } from './sim-stream.ts';
import type { Weather } from './weather.ts';
import type { World } from './world.ts';

const wayMs = [0.5, 15] as const;

export interface CarrierOptions {
  readonly world: World;
  readonly weather: Weather;
  readonly userId: string;
  /** A node that serves; undefined = none does. */
  readonly route: () => SimNode | undefined;
  /** What reaches the device on streams, and as answers. */
  readonly tap: (frames: readonly ServerFrame[]) => void;
  readonly tapAnswer: (path: Path, request: unknown, response: unknown) => void;
  readonly report: (cause: unknown) => string;
}

/** A device's way to the nodes. */
export class SimCarrier implements Carrier {
  readonly name = 'simulation';
  readonly version = '0';
  readonly #options: CarrierOptions;
  readonly #lines = new Set<SimLine>();

  constructor(options: CarrierOptions) {
    this.#options = options;
  }

  open(hello: Hello, _token: string, listener: StreamListener): CarrierStream {
    const { world, userId, route, tap } = this.#options;
    const node = route();
    if (node === undefined) {
      world.after(world.random.between(...wayMs), () => listener.ended(unavailable('no node serves')));
      return { send: () => undefined, close: () => undefined, abort: () => undefined };
    }
    world.note(`${userId}/${hello.deviceId} opens a stream on ${node.life.name}`);
    const sessionId = `${node.life.name}.${world.random.whole(0, 2 ** 48).toString(36)}` as SessionId;
    const options = { world, node, userId: userId as UserId, sessionId, listener, tap };
    const line = new SimLine(options, hello);
    for (const old of this.#lines) if (!old.isOpen) this.#lines.delete(old);
    this.#lines.add(line);
    return line;
  }

  call<P extends Path>(path: P, request: RequestOf<P>, { deadlineMs, signal }: CallOptions): Promise<ResponseOf<P>> {
    const { world, weather, userId, route } = this.#options;
    const node = route();
    const way = (): number => world.random.between(...wayMs) * weather.slowness;
    return new Promise((resolve, reject) => {
      const controller = new AbortController();
      if (node === undefined) {
        world.after(way(), () => reject(unavailable('no node serves')));
        return;
      }
      const died = (): void => void world.after(way(), () => give(() => reject(unavailable('the node has died'))));
      const late = world.after(deadlineMs, () => {
        const message = 'the deadline passed; whether it took effect is unknown';
        controller.abort(new Refusal('DEADLINE_EXCEEDED', message));
        give(() => reject(new ParleyError({ reason: 'DEADLINE_EXCEEDED', code: Code.DEADLINE_EXCEEDED, message })));
      });
      const cancelled = (): void => {
        controller.abort(new Refusal('CANCELLED', 'the caller cancelled'));
        give(() => reject(new ParleyError({ reason: 'CANCELLED', code: Code.CANCELLED, message: 'cancelled' })));
      };
      const give = (answer: () => void): void => {
        late.cancel();
        node.onDeath.delete(died);
        signal?.removeEventListener('abort', cancelled);
        answer();
      };
      node.onDeath.add(died);
      signal?.addEventListener('abort', cancelled, { once: true });
      world.after(way(), () => {
        if (!node.life.alive) return;
        const isLost = world.random.chance(weather.answersLost);
        this.#answer(node, path, request, callerOf(userId, controller.signal)).then(
          (response) =>
            world.after(way(), () => {
              if (!node.life.alive) return;
              if (isLost) give(() => reject(unavailable('the answer was lost')));
              else give(() => resolve(this.#tapped(path, request, response as ResponseOf<P>)));
            }),
          (error: ParleyError) => world.after(way(), () => give(() => reject(error))),
        );
      });
    });
  }

  close(): void {
    for (const line of this.#lines) line.break('both');
  }

  /** Breaks the device's streams. */
  break(how: Break): void {
    for (const line of this.#lines) line.break(how);
  }

  /** The device's process dies. */
  drop(): void {
    for (const line of this.#lines) line.drop();
  }

  freeze(): void {
    for (const line of this.#lines) if (line.isOpen) line.freeze();
  }

  thaw(): void {
    for (const line of this.#lines) line.thaw();
  }

  #tapped<Response>(path: Path, request: unknown, response: Response): Response {
    this.#options.tapAnswer(path, request, response);
    return response;
  }

  async #answer(node: SimNode, path: Path, request: unknown, caller: ReturnType<typeof callerOf>): Promise<unknown> {
    const handler = node.handlers.get(path);
    if (handler === undefined) throw new Error(`nobody serves ${path}`);
    try {
      return await handler(request as never, caller);
    } catch (thrown) {
      throw errorOfStatus(statusOf(refusalOf(thrown, this.#options.report)));
    }
  }
}
