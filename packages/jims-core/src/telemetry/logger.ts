import { JimsError } from '../errors/jims-error.ts';

/**
 * The log of jims-core, in the form of pino's loggers. It never gets the text of messages.
 *
 * @example
 * await app.open({ logger: pino() });
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Drops everything. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
};

const METHODS = ['debug', 'info', 'warn', 'error'] as const;

/**
 * A logger that never throws: a run goes on when its log cannot be written, such as by a transport that has died.
 *
 * @throws JimsError `app_invalid` for a logger without one of the methods.
 */
export function unfailing(logger: Logger): Logger {
  const missing = METHODS.find((method) => typeof logger[method] !== 'function');
  if (missing) {
    throw new JimsError(
      'app_invalid',
      `The logger needs the methods ${METHODS.join(', ')}, as those of pino: it has no ${missing}`,
    );
  }
  const guarded =
    (method: (typeof METHODS)[number]) =>
    (fields: object, message: string): void => {
      try {
        logger[method](fields, message);
      } catch {
        // Nothing else could report it.
      }
    };
  return {
    debug: guarded('debug'),
    info: guarded('info'),
    warn: guarded('warn'),
    error: guarded('error'),
  };
}
