/** Path of the Envoy to run; undefined when there is none. Throws when ENVOY_BIN is unfit. */
export function locateEnvoy(): string | undefined;
