import { pino } from 'pino';
import type { Logger } from 'pino';

import type { LogOutput } from './log-output.ts';
import { prettyLog } from './pretty-log.ts';

export interface LoggerOptions {
  readonly verbose: boolean;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
  readonly output: LogOutput;
}

/** Logs on standard error: standard output is left to the app. */
export function createLogger({ verbose, pretty, output }: LoggerOptions): Logger {
  const level = verbose ? 'debug' : 'info';
  if (pretty) {
    return pino({ level, base: null }, { write: (line) => output.write(prettyLog(line)) });
  }
  const base = { pid: process.pid };
  return pino({ level, base, timestamp: pino.stdTimeFunctions.isoTime }, output);
}
