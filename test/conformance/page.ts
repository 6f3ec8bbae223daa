// What stands in the browser: one device a page, made and spoken to by the suite.
import { WebCarrier } from '../../clients/web/carrier.ts';
import { Device } from './device.ts';
import { type Asked, type Answered, asText, fromText } from './remote.ts';

globalThis.answer = answering();

function answering(): typeof globalThis.answer {
  let device: Device | undefined;
  const answerTo = async (asked: Asked): Promise<Answered> => {
    if ('method' in asked) {
      const ask = device?.[asked.method] as (...args: readonly unknown[]) => Promise<unknown>;
      return { value: await ask.apply(device, [...asked.args]) };
    }
    const { address, setting, tokenPath } = asked.make;
    device = new Device(new WebCarrier({ address }), setting, () => tokenAt(tokenPath));
    return {};
  };
  return async (text) =>
    asText(await answerTo(fromText<Asked>(text)).catch((error: unknown) => ({ error: String(error) })));
}

async function tokenAt(path: string): Promise<string> {
  const answer = await fetch(path, { cache: 'no-store' });
  if (!answer.ok) throw new Error(`no token: ${answer.status}`);
  return answer.text();
}
