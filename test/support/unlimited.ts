/** Node settings for tests that do more in a second than any person: no rate limit is what they are about. */
export const unlimited = {
  PARLEY_LIMIT_SENDS_PER_S: '1000000',
  PARLEY_LIMIT_SENDS_BURST: '1000000',
  PARLEY_LIMIT_OPENS_PER_S: '1000000',
  PARLEY_LIMIT_OPENS_BURST: '1000000',
  PARLEY_LIMIT_TYPING_PER_S: '1000000',
  PARLEY_LIMIT_SESSIONS_PER_USER: '10000',
  PARLEY_LIMIT_CONNECTS_PER_S: '100000',
} as const;
