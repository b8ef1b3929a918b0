import { pino } from 'pino';
import type { Logger } from 'pino';

import { prettyLog } from './pretty-log.ts';

export interface LoggerOptions {
  readonly verbose: boolean;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
}

/** Logs on standard error: standard output is left to the app. */
export function createLogger({ verbose, pretty }: LoggerOptions): Logger {
  const level = verbose ? 'debug' : 'info';
  if (pretty) {
    return pino({ level, base: null }, { write: (line) => process.stderr.write(prettyLog(line)) });
  }
  const base = { pid: process.pid };
  return pino({ level, base, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
}
