import { inspect, styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const LEVELS: Readonly<Record<number, readonly [string, Style]>> = {
  20: ['DEBUG', 'gray'],
  30: ['INFO', 'green'],
  40: ['WARN', 'yellow'],
  50: ['ERROR', 'red'],
  60: ['FATAL', ['bgRed', 'white']],
};

/**
 * A line of the log for people: when, how grave, what, and the fields behind it; an error below, with
 * its causes. What is no line of the log stays as it is.
 */
export function prettyLog(line: string): string {
  const entry = parsed(line);
  if (!entry) return line;
  const { level, time, msg, error, ...fields } = entry;
  const [word, style] = LEVELS[Number(level)] ?? [String(level), 'white'];
  const clock = new Date(Number(time)).toTimeString().slice(0, 8);
  const head = `${clock} ${styleText(style, word.padEnd(5))} ${String(msg)}`;
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${valueOf(value)}`);
  const tail = shown.length > 0 ? ` ${styleText('gray', shown.join(' '))}` : '';
  return `${head}${tail}\n${error === undefined ? '' : `${errorLines(error).join('\n')}\n`}`;
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return objectOf(JSON.parse(line));
  } catch {
    return undefined;
  }
}

function valueOf(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value, { breakLength: Infinity });
}

/** An error as `describeError` tells it. */
function errorLines(error: unknown): readonly string[] {
  const told = objectOf(error);
  if (!told) return [`    ${valueOf(error)}`];
  const { name = 'Error', message, stack, cause } = told;
  const text = typeof stack === 'string' ? stack : `${valueOf(name)}: ${valueOf(message)}`;
  const lines = text.split('\n').map((line) => `    ${line}`);
  if (cause === undefined) return lines;
  const [first = '', ...rest] = errorLines(cause);
  return [...lines, `    caused by ${first.trimStart()}`, ...rest];
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? { ...value } : undefined;
}
