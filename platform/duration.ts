const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds in "90s", "30m", "24h" or "7d", from 1 second to 366 days. Throws on anything else. */
export function parseDuration(text: string): number {
  const [, amount, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(amount) * (unitSeconds[unit] ?? Number.NaN);
  if (!(seconds >= 1 && seconds <= 366 * 86_400)) {
    throw new Error(`"${text}" is not a time such as 30m, 24h or 7d (at most 366d)`);
  }
  return seconds;
}
