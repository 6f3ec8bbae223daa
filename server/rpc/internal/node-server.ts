import { Server } from '@grpc/grpc-js';
import {
  EndReason,
  NodeServiceService,
  type EndSessionRequest,
  type SendRequest,
  type SubmitRequest,
} from '#proto/parley/internal/v1/node_service.ts';
import type { SubmitRequest as ClientSubmit, SubmitResponse } from '#proto/parley/v1/stream_service.ts';
import type { Caller } from '../../chat/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { invalidField, Refusal } from '../../core/errors.ts';
import { noDevice, systemUser, type DeviceId, type SessionId, type UserId } from '../../core/ids.ts';
import { signedOut } from '../../delivery/ends.ts';
import type { Sessions } from '../../delivery/sessions.ts';
import { listenOn } from '../grpc-server.ts';
import { makeService, type CallContext } from '../service.ts';
import type { Submitter } from '../submits.ts';
import { serverCredentialsOf, type NodeTls } from './node-tls.ts';
import type { TakeSends } from './routed-sends.ts';

/** Hands a client's Submit to a session of this node. @throws Refusal SESSION_NOT_FOUND, and what the session refuses */
export type TakeSubmit = (from: Submitter, submit: ClientSubmit, signal?: AbortSignal) => Promise<SubmitResponse>;

export interface NodeServerOptions extends Pick<CallContext, 'observe' | 'report'> {
  readonly clock: Clock;
  readonly tls: NodeTls;
  readonly sessions: Sessions;
  readonly takeSubmit: TakeSubmit;
  readonly takeSends: TakeSends;
}

/** Bytes of a request: what many clients sent. */
const maxBytes = 1_024 * 1_024;

/** What other nodes ask of this one, on a port of its own. */
export class NodeServer {
  readonly #options: NodeServerOptions;
  readonly #server: Server;
  #isLeaving = false;

  constructor(options: NodeServerOptions) {
    this.#options = options;
    const { clock, sessions, takeSubmit, takeSends, observe, report } = options;
    // Another node, not a user, asks.
    const authenticate = (): Promise<Caller> => Promise.resolve({ userId: systemUser, deviceId: noDevice, claims: {} });
    const handlers = {
      async submit({ userId, deviceId, submit }: SubmitRequest, { signal }: { readonly signal?: AbortSignal }) {
        if (submit === undefined) throw invalidField('submit', 'must be set');
        const from = { userId: userId as UserId, deviceId: deviceId as DeviceId };
        return { submit: await takeSubmit(from, submit, signal) };
      },
      endSession: (request: EndSessionRequest) => Promise.resolve({ ended: endSession(sessions, request) }),
      send: async ({ sends }: SendRequest, { signal }: { readonly signal?: AbortSignal }) => {
        if (this.#isLeaving) throw new Refusal('DRAINING', 'the node is shutting down: append them elsewhere');
        return { results: await takeSends(sends, signal) };
      },
    };
    this.#server = new Server({ 'grpc.max_receive_message_length': maxBytes });
    const service = makeService(NodeServiceService, handlers, { clock, authenticate, observe, report, maxBytes });
    this.#server.addService(service.definition, service.implementation);
  }

  /** Gives host:port that it listens on. */
  listen(address: string): Promise<string> {
    return listenOn(this.#server, address, serverCredentialsOf(this.#options.tls));
  }

  /** Other nodes append for themselves from now on. What needs this node's sessions is still done. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** Calls under way are cut off: whoever made them asks again. */
  stop(): void {
    this.#server.forceShutdown();
  }
}

function endSession(sessions: Sessions, { sessionId, userId, reason }: EndSessionRequest): boolean {
  const session = sessions.find(sessionId as SessionId);
  if (session === undefined || session.identity.userId !== userId) return false;
  switch (reason) {
    case EndReason.END_REASON_SUPERSEDED:
      session.end('superseded', 'a newer session of this device took over');
      return true;
    case EndReason.END_REASON_SIGNED_OUT:
      session.end('signed-out', signedOut());
      return true;
    default:
      throw invalidField('reason', 'must be one that this node knows');
  }
}
