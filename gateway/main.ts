// `node gateway/main.ts FOLDER`: writes the files that the Envoy of a deployment reads, from the settings in the environment.
// Run again, it hands new keys and new nodes to the Envoy that watches the folder; everything else needs a new Envoy.
//
// Exit code 0: they are written. 78: a setting is wrong, and a line says what is right.
import { writeGateway } from './render.ts';
import { readGatewaySettings } from './settings.ts';

try {
  const [folder, ...more] = process.argv.slice(2);
  if (folder === undefined || more.length > 0) throw new Error('give one folder: node gateway/main.ts FOLDER');
  const config = await writeGateway(folder, await readGatewaySettings(process.env));
  console.log(`parley: wrote ${folder}; start Envoy with: envoy -c ${config}`);
} catch (error) {
  console.error(`parley: ${(error as Error).message}`);
  process.exitCode = 78;
}
