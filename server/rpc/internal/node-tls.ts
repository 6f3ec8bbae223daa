import { ChannelCredentials, type ChannelOptions, ServerCredentials } from '@grpc/grpc-js';

/** What nodes know one another by. PEM text. */
export interface NodeTls {
  /** The authority of the deployment's nodes, and of nobody else: who has a certificate of it is a node. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** The name that nodes' certificates are for, whatever their addresses are. */
  readonly serverName: string;
}

/** Takes nobody without a certificate of the authority. */
export function serverCredentialsOf({ ca, cert, key }: NodeTls): ServerCredentials {
  const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) };
  return ServerCredentials.createSsl(Buffer.from(ca), [pair], true);
}

export function channelCredentialsOf({ ca, cert, key }: NodeTls): ChannelCredentials {
  return ChannelCredentials.createSsl(Buffer.from(ca), Buffer.from(key), Buffer.from(cert));
}

export function channelOptionsOf({ serverName }: NodeTls): ChannelOptions {
  return { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName };
}
