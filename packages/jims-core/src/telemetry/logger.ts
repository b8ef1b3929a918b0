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
