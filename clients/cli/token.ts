import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const command = path.resolve(import.meta.dirname, '../../platform/token.ts');

/**
 * A token of the data folder's dev key, from the command that anybody can run: clients know no key and no server.
 * @throws Error with what the command said
 */
export async function devToken(user: string, dataFolder: string): Promise<string> {
  try {
    const { stdout } = await run(process.execPath, [command, user, '--data', dataFolder, '--ttl', '24h']);
    return stdout.trim();
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.split('\n')[0]?.replace(/^parley: /, '');
    throw new Error(said === undefined || said === '' ? 'no token could be made' : said, { cause: error });
  }
}
