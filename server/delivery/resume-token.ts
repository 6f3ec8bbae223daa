import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { DeviceId, UserId } from '../core/ids.ts';

/** What a device had been told when it was given the token. It authorises nothing. */
export interface ResumePlace {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  /** Sequence of the user's own log up to which everything was told. */
  readonly userSequence: bigint;
  /** Wall ms up to which every changed thread was told. */
  readonly inboxMs: number;
  /**
   * Wall ms since when something happened in each of the groups heard: what happened since in others is among it. 0 = the user is
   * in no more groups than are heard.
   */
  readonly groupsMs: number;
  /** Epoch of the user's log; 0 = it had none. */
  readonly epoch: bigint;
  /** Wall ms when it was made. */
  readonly madeMs: number;
}

const lifetimeMs = 30 * 24 * 3_600_000;
const fixedBytes = 8 * 5;
const macBytes = 16;
const version = 2;

/**
 * Layout: version (1) · userSequence, inboxMs, groupsMs, epoch, madeMs (8 each, big endian) · user length (1) · user · device · HMAC-SHA-256
 * cut to 16 bytes. At most 1 + 40 + 1 + 128 + 64 + 16 = 250 bytes.
 */
export class ResumeTokens {
  // As a key object: from bytes each HMAC would make one anew, at several times its cost.
  readonly #key: KeyObject;
  /** Stands for "no new token". */
  readonly none = Buffer.alloc(0);

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key);
  }

  make(place: ResumePlace): Buffer {
    const user = Buffer.from(place.userId);
    const body = Buffer.alloc(2 + fixedBytes + user.length + place.deviceId.length);
    body[0] = version;
    body.writeBigUInt64BE(place.userSequence, 1);
    body.writeBigUInt64BE(BigInt(place.inboxMs), 9);
    body.writeBigUInt64BE(BigInt(place.groupsMs), 17);
    body.writeBigUInt64BE(place.epoch, 25);
    body.writeBigUInt64BE(BigInt(place.madeMs), 33);
    body[41] = user.length;
    user.copy(body, 42);
    body.write(place.deviceId, 42 + user.length);
    return Buffer.concat([body, this.#mac(body)]);
  }

  /** The place, or undefined for a token that is empty, expired, not ours, or another user's or device's. */
  read(token: Uint8Array, userId: UserId, deviceId: DeviceId, nowMs: number): ResumePlace | undefined {
    const bytes = Buffer.from(token.buffer, token.byteOffset, token.byteLength);
    if (bytes.length < 2 + fixedBytes + macBytes || bytes[0] !== version) return undefined;
    const body = bytes.subarray(0, bytes.length - macBytes);
    if (!timingSafeEqual(this.#mac(body), bytes.subarray(bytes.length - macBytes))) return undefined;
    const userEnd = 42 + (body[41] ?? 0);
    if (body.toString('utf8', 42, userEnd) !== userId || body.toString('utf8', userEnd) !== deviceId) return undefined;
    const madeMs = Number(body.readBigUInt64BE(33));
    if (madeMs + lifetimeMs < nowMs) return undefined;
    return {
      userId,
      deviceId,
      userSequence: body.readBigUInt64BE(1),
      inboxMs: Number(body.readBigUInt64BE(9)),
      groupsMs: Number(body.readBigUInt64BE(17)),
      epoch: body.readBigUInt64BE(25),
      madeMs,
    };
  }

  #mac(body: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(body).digest().subarray(0, macBytes);
  }
}
