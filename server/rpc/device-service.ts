import type { DeviceServiceService } from '#proto/parley/v1/device_service.ts';
import type { Chat } from '../chat/chat.ts';
import { parseDeviceId } from '../core/ids.ts';
import { deviceFromProto, deviceToProto } from './convert/device.ts';
import type { ServiceHandlers } from './service.ts';
import { pageSize, required } from './validate.ts';

export function deviceHandlers({ devices }: Chat): ServiceHandlers<DeviceServiceService> {
  return {
    async registerDevice(request, caller) {
      const said = deviceFromProto(required(request.device, 'device'), 'device');
      const kept = await devices.register(caller, said);
      return { device: deviceToProto(kept, devices.isActive(kept)) };
    },
    async listDevices({ pageToken, ...request }, caller) {
      const page = await devices.list(caller, { limit: pageSize(request.pageSize, 50, 100), pageToken });
      const listed = page.devices.map((one) => deviceToProto(one, devices.isActive(one)));
      return { devices: listed, nextPageToken: page.nextPageToken };
    },
    async removeDevice(request, caller) {
      await devices.remove(caller, parseDeviceId(request.deviceId));
      return {};
    },
  };
}
