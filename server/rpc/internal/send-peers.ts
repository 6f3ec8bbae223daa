import type { RoutedResult, RoutedSend, SendPeers } from '../../chat/send-router.ts';
import type { Clock } from '../../core/clock.ts';
import { Refusal } from '../../core/errors.ts';
import type { NodeDirectory } from '../../presence/registry.ts';
import type { NodeClient } from './node-client.ts';
import { resultFromProto, sendToProto } from './routed-sends.ts';

/** A list of nodes older than this is read anew while it serves; older than the second it does not serve. Ms. */
const refreshedMs = 2_000;
const servesMs = 6_000;

/**
 * The nodes that the directory knows. Where it cannot be read there are none, and nothing is routed: then their sessions would hear late
 * of what other nodes append.
 */
export class DirectoryPeers implements SendPeers {
  readonly #clock: Clock;
  readonly #directory: NodeDirectory;
  readonly #client: NodeClient;
  #addresses = new Map<string, string>();
  #names: readonly string[] = [];
  #readMs = -Infinity;
  #reading = false;

  constructor(clock: Clock, directory: NodeDirectory, client: NodeClient) {
    this.#clock = clock;
    this.#directory = directory;
    this.#client = client;
  }

  living(): readonly string[] | undefined {
    const ageMs = this.#clock.monotonicMs() - this.#readMs;
    if (ageMs > refreshedMs && !this.#reading) void this.#read();
    return ageMs > servesMs ? undefined : this.#names;
  }

  async send(nodeId: string, sends: readonly RoutedSend[]): Promise<readonly RoutedResult[]> {
    const address = this.#addresses.get(nodeId);
    if (address === undefined) throw new Refusal('STORE_UNAVAILABLE', 'the node is gone: try again');
    return (await this.#client.send(address, sends.map(sendToProto))).map(resultFromProto);
  }

  async #read(): Promise<void> {
    this.#reading = true;
    const askedMs = this.#clock.monotonicMs();
    const nodes = await this.#directory.livingNodes();
    this.#reading = false;
    if (nodes === undefined) return;
    const reached = nodes.filter(({ address }) => address !== '');
    this.#addresses = new Map(reached.map(({ nodeId, address }) => [nodeId, address]));
    this.#names = [...this.#addresses.keys()];
    this.#readMs = askedMs;
  }
}
