// When a launcher is asked to stop: by Ctrl-C, or by the system.

/** npm passes a Ctrl-C on although the terminal has sent it to everybody: the echo is no second wish. */
const echoMs = 500;

/** Settles at the first wish to stop; `force` is called at a second one. */
export function untilAsked(force: () => void): Promise<'asked'> {
  const { promise, resolve } = Promise.withResolvers<'asked'>();
  let askedMs: number | undefined;
  const onSignal = (): void => {
    if (askedMs !== undefined && performance.now() - askedMs > echoMs) force();
    askedMs ??= performance.now();
    resolve('asked');
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return promise;
}
