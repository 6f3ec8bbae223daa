import type { Scope } from '../../auth/scopes.ts';
import { Refusal } from '../../core/errors.ts';
import type { Handler, UnaryMethod } from '../service.ts';
import type { Audit, Touched } from './audit.ts';
import type { ServiceCaller } from './service-caller.ts';

/** Does what one call of a service is for; tells `touch` of each id that the audit should have, as soon as it is checked. */
type ServiceHandler<Request, Response> = (
  request: Request,
  caller: ServiceCaller,
  touch: (ids: Touched) => void,
) => Promise<Response>;

/** Puts before and around a handler what holds for every call of a service. */
export type Guard = <Request, Response>(
  scope: Scope,
  method: Pick<UnaryMethod<Request, Response>, 'path'>,
  handler: ServiceHandler<Request, Response>,
) => Handler<Request, Response, ServiceCaller>;

/** The scope is asked for first: without it nothing of the request is judged. Then, whatever comes of it, the audit has it. */
export function makeGuard(audit: Audit): Guard {
  return (scope, method, handler) => async (request, caller) => {
    const name = method.path.slice(1);
    let touched: Touched = {};
    const touch = (ids: Touched): void => {
      touched = { ...touched, ...ids };
    };
    try {
      if (!caller.scopes.includes(scope)) {
        throw new Refusal('SCOPE_REQUIRED', `this takes a token with the scope ${scope}`);
      }
      const response = await handler(request, caller, touch);
      audit.note(caller, name, touched, 'OK');
      return response;
    } catch (thrown) {
      audit.note(caller, name, touched, thrown instanceof Refusal ? thrown.reason : 'INTERNAL');
      throw thrown;
    }
  };
}
