import { ParleyError } from '../../core/errors.ts';
import { en, type Texts } from './en.ts';
import { zh } from './zh.ts';

export type LanguageName = 'en' | 'zh';

export const languages: Readonly<Record<LanguageName, Texts>> = { en, zh };

/** gRPC's UNAVAILABLE and DEADLINE_EXCEEDED. */
const noAnswer = [14, 4];

/** What went wrong, as a sentence. */
export function sentenceOf(texts: Texts, error: unknown): string {
  const { errors } = texts;
  if (!(error instanceof ParleyError)) return errors['OTHER'] ?? '';
  const known = errors[error.reason];
  if (known !== undefined) return known;
  return (noAnswer.includes(error.code) ? errors['OFFLINE'] : errors['OTHER']) ?? '';
}
