// What each carrier supports. The suite compares what they do with this: a row that a carrier must pass and does not is unequal.

export interface CarrierFacts {
  /** How it reaches a node. */
  readonly how: string;
  /** The version of HTTP that it speaks to the gateway without TLS, and with it. */
  readonly plain: 'h2' | 'http/1.1';
  readonly tls: 'h2' | 'http/1.1';
  /** Rows that it cannot pass, with the reason. */
  readonly lacks: Readonly<Record<string, string>>;
}

export type CarrierName = 'native' | 'web';

export const carriers: Readonly<Record<CarrierName, CarrierFacts>> = {
  native: { how: 'the node SDK: Open over HTTP/2', plain: 'h2', tls: 'h2', lacks: {} },
  web: { how: 'Chromium: Listen and Submit over grpc-web', plain: 'http/1.1', tls: 'h2', lacks: {} },
};

/** Browsers that the suite does not run in, with the reason. */
export const absent: Readonly<Record<string, string>> = {
  Firefox: 'playwright drives a Firefox of its own build only, which no package registry has',
  WebKitGTK: 'apt has a WebDriver for it, which cannot hand functions of a test to a page',
};
