// `npm run chat -- --as alice`: Parley at a terminal.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ParleyClient } from '../core/client.ts';
import { FileDraftStore } from '../node/file-drafts.ts';
import { NodeCarrier } from '../node/carrier.ts';
import { parseArguments, usage } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import { Chat } from './chat.ts';
import { takeDevice } from './device.ts';
import { PlainFront } from './plain-front.ts';
import { devToken } from './token.ts';
import { TtyFront } from './tty-front.ts';

/** Lines kept per thread: paging back further than that begins to lose the oldest again. */
const keepItems = 10_000;

async function main(args: Arguments): Promise<void> {
  const { as, target, tls, ca, data } = args;
  const { token } = args;
  // The first is fetched before anything is drawn: what is wrong with it is said in words.
  let first = token ?? (await devToken(as, data));
  await using stack = new AsyncDisposableStack();
  const device = await takeDevice(data, as);
  let isSignedOut = false;
  stack.defer(async () => {
    if (isSignedOut) await device.signedOut();
    await device.release();
  });
  const drafts = new FileDraftStore(path.join(device.folder, 'drafts'));
  stack.defer(() => drafts.close());
  const client = new ParleyClient({
    carrier: new NodeCarrier({
      target,
      name: 'parley-cli',
      tls: ca === undefined ? tls : { ca: await readFile(ca) },
    }),
    getToken: () => {
      const kept = first;
      first = token ?? '';
      return kept === '' ? devToken(as, data) : kept;
    },
    deviceId: device.deviceId,
    drafts,
    keepItems,
  });
  stack.defer(() => client.close());
  client.on('connection', (state) => {
    isSignedOut = state.phase === 'closed' && state.reason === 'signed-out';
  });
  const { stdin, stdout } = process;
  if (stdin.isTTY && stdout.isTTY && !args.plain) await atTerminal(client, args);
  else await inLines(client, args);
}

async function atTerminal(client: ParleyClient, { as, colour, target }: Arguments): Promise<void> {
  const { promise: left, resolve: leave } = Promise.withResolvers<void>();
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.once(signal, leave);
  const front = new TtyFront(new Chat(client, target), as, colour, process.stdin, process.stdout, leave);
  process.once('uncaughtException', (error) => {
    // First the terminal, else the words are lost with the screen.
    front.close();
    console.error(error);
    process.exit(1);
  });
  try {
    await client.start();
    await left;
  } finally {
    front.close();
  }
}

async function inLines(client: ParleyClient, { target }: Arguments): Promise<void> {
  const chat = new Chat(client, target);
  const front = new PlainFront(chat, process.stdout);
  try {
    await client.start();
    await client.ready();
    await chat.rows.load();
    await front.run(process.stdin);
  } finally {
    // One that stays open would keep the process.
    process.stdin.destroy();
  }
}

const words = process.argv.slice(2);
let isUnderstood = words.includes('--help');
try {
  if (isUnderstood) console.log(usage);
  else {
    const args = parseArguments(words, process.env);
    isUnderstood = true;
    await main(args);
  }
} catch (error) {
  console.error(`parley: ${(error as Error).message}`);
  if (!isUnderstood) console.error(`\n${usage}`);
  process.exitCode = 1;
}
