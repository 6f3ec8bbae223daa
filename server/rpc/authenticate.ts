import type { Metadata } from '@grpc/grpc-js';
import type { Identity, Verifier } from '../auth/verifier.ts';
import type { Caller } from '../chat/caller.ts';
import { noDevice, type DeviceId } from '../core/ids.ts';

const bearer = /^Bearer +/i;

/** The identity that the call's bearer token names. @throws Refusal TOKEN_… or KEYS_UNAVAILABLE */
export async function identityOfCall(metadata: Metadata, verifier: Verifier): Promise<Identity> {
  const [value] = metadata.get('authorization');
  const header = typeof value === 'string' ? value : '';
  return verifier.verify(bearer.test(header) ? header.replace(bearer, '').trim() : '');
}

/** The caller of a unary call. What the gateway says of the user in a header routes the call and proves nothing. */
export async function callerOfCall(metadata: Metadata, verifier: Verifier): Promise<Caller> {
  return callerOf(await identityOfCall(metadata, verifier));
}

export function callerOf(identity: Identity): Caller {
  const { userId, name, picture, deviceId } = identity;
  return {
    userId,
    deviceId: (deviceId ?? noDevice) as DeviceId,
    claims: { ...(name === undefined ? {} : { name }), ...(picture === undefined ? {} : { picture }) },
  };
}
