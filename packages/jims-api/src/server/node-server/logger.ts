import { pino } from 'pino';
import type { Logger } from 'pino';

import { logOutput } from './log-output.ts';
import { prettyLog } from './pretty-log.ts';

/** Logs on standard error: JSON lines, or readable ones on a terminal or if `pretty`. Standard output is the app's. */
export function createLogger({ verbose = false, pretty = process.stderr.isTTY } = {}): Logger {
  const level = verbose ? 'debug' : 'info';
  const output = logOutput();
  if (pretty) {
    return pino({ level, base: null }, { write: (line) => output.write(prettyLog(line)) });
  }
  const base = { pid: process.pid };
  return pino({ level, base, timestamp: isoTime }, output);
}

let lastMs = 0;
let lastTime = '';

/** The time as pino writes it. Under load many lines are of the same millisecond, and the text costs a third of a line. */
function isoTime(): string {
  const now = Date.now();
  if (now !== lastMs) {
    lastMs = now;
    lastTime = `,"time":"${new Date(now).toISOString()}"`;
  }
  return lastTime;
}
