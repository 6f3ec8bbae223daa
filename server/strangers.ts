/** PARLEY_ names that are of the set-up, of `npm start`, of the gateway it runs or of clients: what starts a node leaves them out, as a node refuses them. */
export const strangers: readonly string[] = [
  'PARLEY_CACHE',
  'PARLEY_SKIP',
  'PARLEY_PORT',
  'PARLEY_ADDRESS',
  'PARLEY_TLS_CERT',
  'PARLEY_TLS_KEY',
  'PARLEY_WEB_ORIGINS',
  'PARLEY_DEMO',
  'PARLEY_TARGET',
  'PARLEY_TOKEN',
  'PARLEY_SCREENS',
];
