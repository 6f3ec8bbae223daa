import { TokenServiceService } from '#proto/parley/service/v1/token_service.ts';
import type { Minter } from '../../auth/minter.ts';
import { invalidField, Refusal } from '../../core/errors.ts';
import { parseDeviceId, parseUserId } from '../../core/ids.ts';
import { timeToProto } from '../convert/time.ts';
import type { ServiceHandlers } from '../service.ts';
import { parseName } from '../validate.ts';
import type { Guard } from './guard.ts';
import type { ServiceCaller } from './service-caller.ts';

const maxLifetimeS = 3_600;
const usualLifetimeS = 600;

/** `minter` undefined: the deployment has no key to sign with. */
export function tokenHandlers(
  minter: Minter | undefined,
  guard: Guard,
): ServiceHandlers<TokenServiceService, ServiceCaller> {
  return {
    mintUserToken: guard('tokens', TokenServiceService.mintUserToken, async (request, _, touch) => {
      const userId = parseUserId(request.userId);
      touch({ users: [userId] });
      const { lifetimeSeconds } = request;
      if (lifetimeSeconds > maxLifetimeS) {
        throw invalidField('lifetime_seconds', `must be 1–${maxLifetimeS}, or 0 for ${usualLifetimeS}`);
      }
      const deviceId = request.deviceId === '' ? {} : { deviceId: parseDeviceId(request.deviceId) };
      const name = request.name === '' ? {} : { name: parseName(request.name, 1, 200, 'name') };
      if (minter === undefined) throw new Refusal('NOT_SERVED', 'this deployment has no key to sign tokens with');
      const lifetimeS = lifetimeSeconds === 0 ? usualLifetimeS : lifetimeSeconds;
      const { token, expiresMs } = await minter.mint({ userId, lifetimeS, ...deviceId, ...name });
      return { token, expireTime: timeToProto(expiresMs) };
    }),
  };
}
