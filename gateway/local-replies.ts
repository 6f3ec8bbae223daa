// What Envoy itself answers, made into what Parley's clients understand: a gRPC status with a reason in its details.
// Envoy knows its refusals by "response code details"; each row turns some of them into one of Parley's errors.
import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** gRPC status codes used here, with the HTTP status that Envoy and non-gRPC callers see. */
const codes = {
  UNAUTHENTICATED: { grpc: 16, http: 401 },
  UNAVAILABLE: { grpc: 14, http: 503 },
  UNIMPLEMENTED: { grpc: 12, http: 404 },
} as const;

interface Row {
  /** A CEL condition on the reply. */
  readonly when: string;
  readonly code: keyof typeof codes;
  /** `ErrorReason` of the public API without its prefix; absent where the status says all. */
  readonly reason?: string;
  readonly message: string;
}

const denied = (details: string): string => `response.code_details.startsWith("jwt_authn_access_denied{${details}")`;

/** The first row that fits decides. */
const rows: readonly Row[] = [
  {
    when: denied('Jwt_is_missing'),
    code: 'UNAUTHENTICATED',
    reason: 'TOKEN_MISSING',
    message: 'Send a token: authorization metadata of the form "Bearer <JWT>".',
  },
  {
    when: denied('Jwt_is_expired'),
    code: 'UNAUTHENTICATED',
    reason: 'TOKEN_EXPIRED',
    message: 'The token has expired: get a new one.',
  },
  {
    when: denied('Audiences'),
    code: 'UNAUTHENTICATED',
    reason: 'TOKEN_INVALID',
    message: 'The token is for another audience than this service.',
  },
  {
    when: denied('Jwt_issuer'),
    code: 'UNAUTHENTICATED',
    reason: 'TOKEN_INVALID',
    message: 'The token is from another issuer than this service trusts.',
  },
  {
    when: denied('Jwt_verification_fails'),
    code: 'UNAUTHENTICATED',
    reason: 'TOKEN_INVALID',
    message: "The token's signature is wrong: get a token from this service's issuer.",
  },
  {
    when: `response.code_details.contains("doesn't_have_key_to_match")`,
    code: 'UNAUTHENTICATED',
    reason: 'TOKEN_INVALID',
    message: 'The token is signed by a key that this service does not know.',
  },
  {
    when: denied('Jwks'),
    code: 'UNAVAILABLE',
    reason: 'KEYS_UNAVAILABLE',
    message: 'The keys to check tokens cannot be had just now: try again.',
  },
  { when: denied(''), code: 'UNAUTHENTICATED', reason: 'TOKEN_INVALID', message: 'The token is not a valid JWT.' },
  {
    // The claim was taken and does not fit into a header: it has a control character.
    when: 'response.code_details.contains("invalid_header_value_for:_x-parley-user")',
    code: 'UNAUTHENTICATED',
    reason: 'TOKEN_INVALID',
    message: "The token's subject is no user id.",
  },
  {
    when: 'response.code_details == "direct_response"',
    code: 'UNIMPLEMENTED',
    reason: 'NOT_SERVED',
    message: 'Nothing is served under this path. The services are named parley.v1.*.',
  },
  {
    when: 'response.code == 503 && response.flags != 0',
    code: 'UNAVAILABLE',
    message: 'No node can answer just now: try again.',
  },
  {
    when: 'response.code_details == "stream_idle_timeout"',
    code: 'UNAVAILABLE',
    message: 'Nothing was heard for 90 seconds.',
  },
];

/** Envoy's `LocalReplyConfig`. */
export function localReplyConfig(): Record<string, unknown> {
  return { mappers: rows.map(mapper) };
}

function mapper({ when, code, reason, message }: Row): Record<string, unknown> {
  const { grpc, http } = codes[code];
  const headers = {
    'grpc-status': String(grpc),
    ...(reason === undefined ? {} : detailsHeader(grpc, reason, message)),
  };
  return {
    filter: {
      extension_filter: {
        name: 'envoy.access_loggers.extension_filters.cel',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter',
          expression: when,
        },
      },
    },
    status_code: http,
    body: { inline_string: message },
    headers_to_add: Object.entries(headers).map(([key, value]) => ({
      header: { key, value },
      append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
    })),
  };
}

/** The same details that a node sends: `google.rpc.Status` with one `ErrorInfo`. */
function detailsHeader(code: number, reason: string, message: string): Record<string, string> {
  // Written field by field, so that a gateway can be rendered without generated code.
  const errorInfo = new BinaryWriter().uint32(10).string(reason).uint32(18).string('parley.chat').finish();
  const any = new BinaryWriter()
    .uint32(10)
    .string('type.googleapis.com/google.rpc.ErrorInfo')
    .uint32(18)
    .bytes(errorInfo);
  const status = new BinaryWriter().uint32(8).int32(code).uint32(18).string(message).uint32(26).bytes(any.finish());
  return { 'grpc-status-details-bin': Buffer.from(status.finish()).toString('base64').replaceAll('=', '') };
}
