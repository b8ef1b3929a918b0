import { pino } from 'pino';
import type { Logger } from 'pino';

export interface LoggerOptions {
  readonly verbose: boolean;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
}

/** Logs on standard error: standard output is left to the app. */
export async function createLogger({ verbose, pretty }: LoggerOptions): Promise<Logger> {
  const level = verbose ? 'debug' : 'info';
  if (!pretty) {
    const base = { pid: process.pid };
    return pino({ level, base, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
  }
  const { default: prettify } = await import('pino-pretty');
  // As a stream and not as a transport: a worker thread may lose the last lines at the end.
  const stream = prettify({
    sync: true,
    destination: 2,
    ignore: 'pid,hostname',
    translateTime: 'HH:MM:ss',
  });
  return pino({ level }, stream);
}
