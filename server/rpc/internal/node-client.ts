import { Client, type ServiceError } from '@grpc/grpc-js';
import {
  EndReason,
  NodeServiceService,
  type RoutedSend,
  type RoutedSendResult,
} from '#proto/parley/internal/v1/node_service.ts';
import type { SubmitRequest as ClientSubmit, SubmitResponse } from '#proto/parley/v1/stream_service.ts';
import type { Clock } from '../../core/clock.ts';
import { Refusal } from '../../core/errors.ts';
import { nodeOfSession, type SessionId, type UserId } from '../../core/ids.ts';
import type { NodeDirectory } from '../../presence/registry.ts';
import { sessionOver, type Submitter } from '../submits.ts';
import { refusalOfStatus } from '../errors.ts';
import { channelCredentialsOf, channelOptionsOf, type NodeTls } from './node-tls.ts';

export interface NodeClientOptions {
  readonly clock: Clock;
  readonly tls: NodeTls;
  readonly directory: NodeDirectory;
}

export type EndSessionReason = 'superseded' | 'signed-out';

/** Another node answers within this, or counts as unreachable. */
const answerWithinMs = 2_000;
/** A connection that was not used for this long is closed. */
const idleMs = 300_000;

interface Connection {
  readonly client: Client;
  usedMs: number;
}

/** Asks other nodes for what only they can do with their sessions. */
export class NodeClient implements Disposable {
  readonly #options: NodeClientOptions;
  /** By address. */
  readonly #connections = new Map<string, Connection>();

  constructor(options: NodeClientOptions) {
    this.#options = options;
  }

  /**
   * Hands a Submit to the node that has its session. @throws Refusal SESSION_NOT_FOUND when that node says so or its lease is over,
   * what the session refuses, STORE_UNAVAILABLE when the node cannot be reached (whether it took effect is then unknown)
   */
  async submit(from: Submitter, submit: ClientSubmit): Promise<SubmitResponse> {
    const address = await this.#addressFor(submit.sessionId as SessionId);
    if (address === undefined) throw sessionOver();
    const answer = await this.#call(address, NodeServiceService.submit, { ...from, submit });
    return answer.submit ?? { nextNumber: 0n };
  }

  /** False = there is no such session any more. @throws Refusal STORE_UNAVAILABLE when its node cannot be reached */
  async endSession(userId: UserId, sessionId: SessionId, reason: EndSessionReason): Promise<boolean> {
    const address = await this.#addressFor(sessionId);
    if (address === undefined) return false;
    const request = {
      sessionId,
      userId,
      reason: reason === 'superseded' ? EndReason.END_REASON_SUPERSEDED : EndReason.END_REASON_SIGNED_OUT,
    };
    return (await this.#call(address, NodeServiceService.endSession, request)).ended;
  }

  /** Has the node at this address append messages. @throws Refusal of all, STORE_UNAVAILABLE when it cannot be reached */
  async send(address: string, sends: RoutedSend[]): Promise<RoutedSendResult[]> {
    return (await this.#call(address, NodeServiceService.send, { sends })).results;
  }

  [Symbol.dispose](): void {
    for (const { client } of this.#connections.values()) client.close();
    this.#connections.clear();
  }

  /** Undefined = the node is gone, and the session with it. */
  async #addressFor(sessionId: SessionId): Promise<string | undefined> {
    const location = await this.#options.directory.locateNode(nodeOfSession(sessionId));
    if (location.state === 'gone') return undefined;
    if (location.state === 'living' && location.address !== '') return location.address;
    throw unreachable();
  }

  #call<Request, Response>(address: string, method: Method<Request, Response>, request: Request): Promise<Response> {
    const { client } = this.#connectionTo(address);
    const { path, requestSerialize, responseDeserialize } = method;
    const deadline = this.#options.clock.nowMs() + answerWithinMs;
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, response?: Response): void => {
        if (error === null && response !== undefined) resolve(response);
        else reject((error && refusalOfStatus(error)) ?? unreachable(error));
      };
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, { deadline }, done);
    });
  }

  #connectionTo(address: string): Connection {
    const nowMs = this.#options.clock.monotonicMs();
    for (const [other, { client, usedMs }] of this.#connections) {
      if (nowMs - usedMs < idleMs || other === address) continue;
      client.close();
      this.#connections.delete(other);
    }
    const { tls } = this.#options;
    const known = this.#connections.get(address);
    const connection = known ?? {
      client: new Client(address, channelCredentialsOf(tls), channelOptionsOf(tls)),
      usedMs: nowMs,
    };
    connection.usedMs = nowMs;
    this.#connections.set(address, connection);
    return connection;
  }
}

interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

function unreachable(cause?: unknown): Refusal {
  return new Refusal('STORE_UNAVAILABLE', "the session's node cannot be reached just now: try again", { cause });
}
