import { Refusal, invalidField } from '../core/errors.ts';
import { type UserId, parseUserId } from '../core/ids.ts';

/** Each check names the field as the client wrote it and throws Refusal INVALID_FIELD. */

/** A page size: 0 = the default. */
export function pageSize(value: number, fallback: number, max: number, field = 'page_size'): number {
  if (value > max) throw invalidField(field, `must be 1–${max}, or 0 for ${fallback}`);
  return value === 0 ? fallback : value;
}

/** A list of `min` to `max` elements. */
export function counted<T>(list: readonly T[], min: number, max: number, field: string): readonly T[] {
  if (list.length < min || list.length > max) throw invalidField(field, `must hold ${min}–${max} elements`);
  return list;
}

export function parseUserIds(list: readonly string[], min: number, max: number, field: string): UserId[] {
  return counted(list, min, max, field).map((one, index) => parseUserId(one, `${field}[${index}]`));
}

/** The same without repeats, in the order of their first appearance. */
export function parseDistinctUserIds(list: readonly string[], max: number, field: string): UserId[] {
  if (list.length === 0) return [];
  // A longer list may still name at most `max`; ten times that is a mistake.
  if (list.length > max * 10) throw invalidField(field, `must name at most ${max} users`);
  const distinct = [...new Set(list)].map((one, index) => parseUserId(one, `${field}[${index}]`));
  if (distinct.length > max) throw invalidField(field, `must name at most ${max} users`);
  return distinct;
}

// Control characters, line and paragraph separators, lone surrogates.
const forbiddenInLine = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;

/** A name for people on one line, of `min` to `max` bytes. */
export function parseName(value: string, min: number, max: number, field: string): string {
  const bytes = Buffer.byteLength(value);
  if (bytes < min || bytes > max) throw invalidField(field, `must be ${min}–${max} bytes of UTF-8`);
  if (forbiddenInLine.test(value)) throw invalidField(field, 'must be one line without control characters');
  return value;
}

const printableAscii = /^[\x20-\x7e]*$/;

export function parseMediaType(value: string, min: number, field: string): string {
  if (value.length < min || value.length > 100 || !printableAscii.test(value)) {
    throw invalidField(field, `must be ${min}–100 bytes of printable ASCII`);
  }
  return value;
}

/** An absolute URI of at most 2,048 bytes; of one scheme, if that is named. */
export function parseUri(value: string, field: string, scheme?: 'https'): string {
  const short = value.length <= 2_048 && Buffer.byteLength(value) <= 2_048;
  // URL.canParse takes what a browser would mend: spaces and control characters must not be there in the first place.
  if (!short || /[\s\p{Cc}\p{Cs}]/u.test(value) || !URL.canParse(value)) {
    throw invalidField(field, 'must be an absolute URI of at most 2,048 bytes');
  }
  if (scheme !== undefined && !value.toLowerCase().startsWith(`${scheme}://`)) {
    throw invalidField(field, `must be an absolute ${scheme} URI`);
  }
  return value;
}

/** A reaction: 1–64 bytes of UTF-8 without control characters or spaces. */
export function parseEmoji(value: string, field = 'emoji'): string {
  const bytes = Buffer.byteLength(value);
  if (bytes < 1 || bytes > 64 || forbiddenInLine.test(value) || /\s/.test(value)) {
    throw invalidField(field, 'must be 1–64 bytes of UTF-8 without control characters and spaces');
  }
  return value;
}

/** A sequence that must name something. */
export function parseSequence(value: bigint, field: string): bigint {
  if (value < 1n || value > maxSequence) throw invalidField(field, 'must be a sequence, 1 or more');
  return value;
}

/** A sequence of which 0 stands for "none". */
export function parseOptionalSequence(value: bigint, field: string): bigint {
  if (value > maxSequence) throw invalidField(field, 'must be a sequence, or 0');
  return value;
}

/** Sequences stay below 2^63, so that every store and language can hold them. */
export const maxSequence = 0x7fff_ffff_ffff_ffffn;

/** A field that must be set. */
export function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw invalidField(field, 'must be set');
  return value;
}

/** A whole that no message says how to divide. */
export function tooLarge(field: string, description: string): Refusal {
  return new Refusal('TOO_LARGE', `${field}: ${description}`, { fields: [{ field, description }] });
}
