/** Where a Redis process listens. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** How to reach a deployment of Redis. */
export interface RedisSettings {
  /** One Redis: its address. A Redis Cluster: some of its nodes, the rest are asked of them. */
  readonly nodes: readonly RedisAddress[];
  readonly cluster: boolean;
  /** Default: the user `default`. */
  readonly username?: string;
  readonly password?: string;
  readonly tls?: RedisTls;
  /** Turns an address that the cluster announces into one that this node can dial. */
  readonly translate?: (announced: RedisAddress) => RedisAddress;
}

/** PEM text. Without `ca`, the authorities that Node trusts. */
export interface RedisTls {
  readonly ca?: string;
  /** With `key`: for a Redis that wants to know its clients. */
  readonly cert?: string;
  readonly key?: string;
  /** The name that the certificate must be for. Default: the host that is dialled. */
  readonly servername?: string;
}

export function addressText({ host, port }: RedisAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
