// From what the JWT library throws to what Parley says.
import { errors } from 'jose';
import { AuthError } from './auth-error.ts';

export function toAuthError(error: unknown): AuthError {
  if (error instanceof AuthError) return error;
  if (error instanceof errors.JWTExpired) {
    return new AuthError('TOKEN_EXPIRED', 'The token has expired: get a new one.', error);
  }
  if (error instanceof errors.JWTClaimValidationFailed) return fromClaim(error);
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return new AuthError(
      'TOKEN_SIGNATURE',
      "The token's signature is wrong: get a token from this service's issuer.",
      error,
    );
  }
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported) {
    return new AuthError(
      'TOKEN_SIGNATURE',
      'The token is unsigned, or signed with an algorithm that is not allowed here.',
      error,
    );
  }
  if (error instanceof errors.JWKSNoMatchingKey) {
    return new AuthError('TOKEN_UNKNOWN_KEY', 'The token is signed by a key that this service does not know.', error);
  }
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) {
    return new AuthError('TOKEN_MALFORMED', 'The token is not a JWT.', error);
  }
  throw error;
}

function fromClaim(error: errors.JWTClaimValidationFailed): AuthError {
  switch (error.claim) {
    case 'iss':
      return new AuthError('TOKEN_ISSUER', 'The token is from another issuer than this service trusts.', error);
    case 'aud':
      return new AuthError('TOKEN_AUDIENCE', 'The token is for another audience than this service.', error);
    case 'sub':
      return new AuthError('TOKEN_SUBJECT', 'The token has no subject (`sub`), so it names no user.', error);
    case 'nbf':
      return new AuthError('TOKEN_MALFORMED', 'The token is not valid yet.', error);
    default:
      return new AuthError('TOKEN_MALFORMED', `The token's claim "${error.claim}" is missing or malformed.`, error);
  }
}
