// What each carrier supports. The suite compares what they do with this: a row that a carrier must pass and does not is unequal.

/** In the words of the gateway's log. */
export type HttpVersion = 'HTTP/2' | 'HTTP/1.1';

export interface CarrierFacts {
  /** How it reaches a node. */
  readonly how: string;
  /** The version of HTTP that it speaks to the gateway without TLS, and with it. */
  readonly plain: HttpVersion;
  readonly tls: HttpVersion;
  /** Rows that it cannot pass, with the reason. */
  readonly lacks: Readonly<Record<string, string>>;
}

/** `web` is in Chromium. */
export type CarrierName = 'native' | BrowserCarrier;
export type BrowserCarrier = 'web' | 'firefox' | 'webkit';

const inBrowsers = { plain: 'HTTP/1.1', tls: 'HTTP/2', lacks: {} } as const;

export const carriers: Readonly<Record<CarrierName, CarrierFacts>> = {
  native: { how: 'the node SDK: Open over HTTP/2', plain: 'HTTP/2', tls: 'HTTP/2', lacks: {} },
  web: { how: 'Chromium: Listen and Submit over grpc-web', ...inBrowsers },
  firefox: { how: 'Firefox: the same', ...inBrowsers },
  webkit: { how: 'WebKitGTK: the same', ...inBrowsers },
};

/** In the order of the table's columns. */
export const carrierNames = Object.keys(carriers) as readonly CarrierName[];
