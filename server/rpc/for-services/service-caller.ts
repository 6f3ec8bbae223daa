import type { Metadata } from '@grpc/grpc-js';
import { AuthError } from '../../auth/auth-error.ts';
import type { Verifier } from '../../auth/verifier.ts';
import type { Caller } from '../../chat/caller.ts';
import { invalidField } from '../../core/errors.ts';
import {
  deviceOfService,
  parseServiceName,
  parseUserId,
  type ServiceName,
  systemUser,
  type UserId,
} from '../../core/ids.ts';
import { identityOfCall } from '../authenticate.ts';
import type { Trace } from '../trace.ts';

/** Another service that asks, for the system until it says for whom. */
export interface ServiceCaller extends Caller {
  readonly service: ServiceName;
  readonly scopes: readonly string[];
  readonly trace: Trace;
}

/** `verifier`: of services' tokens. @throws Refusal TOKEN_… or KEYS_UNAVAILABLE */
export async function callerOfService(metadata: Metadata, trace: Trace, verifier: Verifier): Promise<ServiceCaller> {
  const { userId: subject, scopes = [] } = await identityOfCall(metadata, verifier);
  const service = serviceOf(subject);
  return { userId: systemUser, deviceId: deviceOfService(service), service, scopes, trace, claims: {} };
}

/** What the request's `sender` says of who speaks. */
export type Sender =
  | { readonly $case: 'userId'; readonly value: string }
  | { readonly $case: 'system'; readonly value: boolean };

/** The service as it speaks: for the user that the request names, or for the system. @throws Refusal INVALID_FIELD */
export function speakerOf(caller: ServiceCaller, sender: Sender | undefined): Caller {
  if (sender === undefined) throw invalidField('sender', 'must be set: user_id or system');
  if (sender.$case === 'userId') return { ...caller, userId: parseUserId(sender.value) };
  if (!sender.value) throw invalidField('system', 'must be true, or user_id set in its place');
  return caller;
}

function serviceOf(subject: UserId): ServiceName {
  try {
    return parseServiceName(subject);
  } catch (error) {
    throw new AuthError('TOKEN_SUBJECT', "The token's subject (`sub`) is not the name of a service.", error);
  }
}
