// A local address to connect from: a machine has 28,000 ports per source address and server, and load tests want more.
// grpc-js has no option for it, but passes what a resolver gives to net.connect: so this resolver adds `localAddress`.
import { experimental } from '@grpc/grpc-js';

const scheme = 'parley-from';

class SourceAddressResolver implements experimental.Resolver {
  readonly #listener: experimental.ResolverListener;
  readonly #address: { host: string; port: number; localAddress: string };
  #told = false;

  constructor(target: experimental.GrpcUri, listener: experimental.ResolverListener) {
    this.#listener = listener;
    this.#address = parse(target);
  }

  updateResolution(): void {
    if (this.#told) return;
    this.#told = true;
    process.nextTick(() => {
      if (this.#told) {
        this.#listener(experimental.statusOrFromValue([{ addresses: [this.#address] }]), {}, null, '');
      }
    });
  }

  destroy(): void {
    this.#told = false;
  }

  static getDefaultAuthority(target: experimental.GrpcUri): string {
    const { host, port } = parse(target);
    return `${host}:${port}`;
  }
}

function parse(target: experimental.GrpcUri): { host: string; port: number; localAddress: string } {
  const [localAddress = '', rest = ''] = target.path.split(',');
  const hostPort = experimental.splitHostPort(rest);
  if (hostPort?.port === undefined) throw new TypeError(`a target is host:port, not ${rest}`);
  return { host: hostPort.host, port: hostPort.port, localAddress };
}

/** The target to give grpc-js for connecting to `target`, an IP address and port, from a local IP address. */
export function targetFrom(localAddress: string, target: string): string {
  experimental.registerResolver(scheme, SourceAddressResolver);
  return `${scheme}:${localAddress},${target}`;
}
