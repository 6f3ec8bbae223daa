import { addressOf, type Config, ConfigError } from '../config.ts';
import type { HttpPort } from '../http-port.ts';
import { readWebFiles } from '../web/web-files.ts';
import { serveWeb } from '../web/web-port.ts';

/** Where the one that started the node answers, behind the same gateway: see platform/dev-door.ts. */
const devTokenUrl = '/dev/sign-in';

/** The web app, for the gateway. @throws ConfigError when it is not built */
export async function startWebPort(config: Config): Promise<HttpPort> {
  const { PARLEY_DEV_KEY: dev, PARLEY_WEB_TOKEN_URL: set, PARLEY_WEB_SIGN_IN_URL: signInUrl } = config;
  const files = await readWebFiles(config.PARLEY_WEB_FILES).catch((error: unknown) => {
    throw new ConfigError(`PARLEY_WEB_FILES: ${(error as Error).message}`, { cause: error });
  });
  const tokenUrl = set === '' ? devTokenUrl : set;
  return serveWeb(
    files,
    { dev: dev && set === '', tokenUrl, signInUrl },
    addressOf(config.PARLEY_WEB_LISTEN, 'PARLEY_WEB_LISTEN'),
  );
}
