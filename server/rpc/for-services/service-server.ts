import { Server, ServerCredentials } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { ChannelAdminServiceService } from '#proto/parley/service/v1/channel_admin_service.ts';
import { NotificationAdminServiceService } from '#proto/parley/service/v1/notification_admin_service.ts';
import { ThreadAdminServiceService } from '#proto/parley/service/v1/thread_admin_service.ts';
import { TokenServiceService } from '#proto/parley/service/v1/token_service.ts';
import { UserAdminServiceService } from '#proto/parley/service/v1/user_admin_service.ts';
import type { Minter } from '../../auth/minter.ts';
import type { Verifier } from '../../auth/verifier.ts';
import type { ChannelAdmin } from '../../chat/channel-admin.ts';
import type { Chat } from '../../chat/chat.ts';
import type { NotificationAdmin } from '../../chat/notifications/admin.ts';
import type { Limits } from '../../chat/limits.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { listenOn, stopGently } from '../grpc-server.ts';
import { type CallContext, makeService } from '../service.ts';
import { Audit } from './audit.ts';
import { channelAdminHandlers } from './channel-admin-service.ts';
import { makeGuard } from './guard.ts';
import { notificationAdminHandlers } from './notification-admin-service.ts';
import { callerOfService, type ServiceCaller } from './service-caller.ts';
import { threadAdminHandlers } from './thread-admin-service.ts';
import { tokenHandlers } from './token-service.ts';
import { userAdminHandlers } from './user-admin-service.ts';

export interface ServiceServerOptions extends Pick<CallContext, 'observe' | 'report'> {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Of services' tokens, which have an audience of their own: a user's token is none. */
  readonly verifier: Verifier;
  readonly limits: Limits;
  readonly chat: Chat;
  readonly channelAdmin: ChannelAdmin;
  readonly notificationAdmin: NotificationAdmin;
  readonly minter: Minter | undefined;
  /** PEM text; undefined = plain text. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
}

/** What other services of the deployment ask of a node, on a port of its own: parley.service.v1. */
export class ServiceServer {
  readonly #server: Server;
  readonly #health: HealthImplementation;
  readonly #options: ServiceServerOptions;

  constructor(options: ServiceServerOptions) {
    this.#options = options;
    const { clock, log, metrics, verifier, limits, chat, channelAdmin, notificationAdmin, minter, observe, report } =
      options;
    this.#server = new Server({ 'grpc.max_receive_message_length': 4 * 1_024 * 1_024 });
    const guard = makeGuard(new Audit(log, metrics));
    const context: CallContext<ServiceCaller> = {
      clock,
      observe,
      report,
      async authenticate(metadata, trace) {
        const caller = await callerOfService(metadata, trace, verifier);
        // Before anything is read of the request. The audit has no line of it: else the log would be as fast as who asks too much.
        limits.take(caller.service, 'service');
        return caller;
      },
    };
    for (const { definition, implementation } of [
      makeService(ChannelAdminServiceService, channelAdminHandlers(channelAdmin, guard), context),
      makeService(NotificationAdminServiceService, notificationAdminHandlers(notificationAdmin, guard), context),
      makeService(ThreadAdminServiceService, threadAdminHandlers(chat, guard), context),
      makeService(UserAdminServiceService, userAdminHandlers(chat, guard), context),
      makeService(TokenServiceService, tokenHandlers(minter, guard), context),
    ]) {
      this.#server.addService(definition, implementation);
    }
    this.#health = new HealthImplementation({ '': 'SERVING' });
    this.#health.addToServer(this.#server);
  }

  /** Gives host:port that it listens on. */
  listen(address: string): Promise<string> {
    const { tls } = this.#options;
    if (tls === undefined) return listenOn(this.#server, address, ServerCredentials.createInsecure());
    const pair = { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) };
    return listenOn(this.#server, address, ServerCredentials.createSsl(null, [pair]));
  }

  /** What health checks are told from now on: another node should be asked. */
  leave(): void {
    this.#health.setStatus('', 'NOT_SERVING');
  }

  /** Waits for calls under way, a second at most. */
  stop(): Promise<void> {
    return stopGently(this.#server, this.#options.clock, 1_000);
  }
}
