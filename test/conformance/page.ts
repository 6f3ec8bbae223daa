// What stands in the browser: one device a page, made and spoken to by the suite.
import { WebCarrier } from '../../clients/web/carrier.ts';
import { Device, type Setting } from './device.ts';

declare global {
  /** The suite gives a token of the page's user. */
  var tokenOfUser: () => Promise<string>;
  var makeDevice: (address: string, setting: Setting) => void;
  var device: Device;
}

globalThis.makeDevice = (address, setting) => {
  globalThis.device = new Device(new WebCarrier({ address }), setting, () => globalThis.tokenOfUser());
};
