import pino, { type Logger } from 'pino';

export type Log = Logger;

/**
 * JSON lines with `time` (ISO), `level`, `node`, and request, session and trace ids where there are any. Never content, never
 * tokens. Written in one go per line, so that a crash loses none that was logged before it.
 */
export function makeLog(options: { readonly file: string; readonly level: string; readonly node: string }): Log {
  const destination = pino.destination({ dest: options.file === '' ? 2 : options.file, mkdir: true, sync: true });
  return pino(
    {
      level: options.level,
      base: { node: options.node },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    destination,
  );
}

/** For lines of who changed what (`audit: true`), which are written whatever the level of the log. */
export function auditLogOf(log: Log): Log {
  return log.child({ audit: true }, { level: 'info' });
}
