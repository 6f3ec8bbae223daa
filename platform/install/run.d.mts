/** The checkout. */
export const root: string;
/** Where downloads and builds go. */
export const cacheDir: string;
/** Tells people what is going on, on stderr. */
export function say(line: string): void;
