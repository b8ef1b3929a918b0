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
 * Formats a JSON log line for people: time, level, message, fields; below it an error with its causes.
 * A line that is not a log line stays as it is.
 */
export function prettyLog(line: string): string {
  const entry = parsed(line);
  if (!entry) return line;
  const { level, time, msg, error, ...fields } = entry;
  const [word, style] = LEVELS[Number(level)] ?? [String(level), 'white'];
  const clock = new Date(Number(time)).toTimeString().slice(0, 8);
  const head = `${clock} ${styleText(style, word.padEnd(5))} ${harmless(String(msg))}`;
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
  return harmless(typeof value === 'string' ? value : inspect(value, { breakLength: Infinity }));
}

// Bidirectional controls, too: they make a line look like another one.
const CONTROL = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;
const CONTROL_IN_LINES = /(?!\n)[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** Makes control characters visible: text may come from users, and a terminal obeys control characters. */
function harmless(text: string, control = CONTROL): string {
  return text.replaceAll(control, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** The lines of an error as `describeError` gives it. */
function errorLines(error: unknown): readonly string[] {
  const described = objectOf(error);
  if (!described) return [`    ${valueOf(error)}`];
  const { name = 'Error', message, stack, cause } = described;
  const text = typeof stack === 'string' ? stack : `${String(name)}: ${String(message)}`;
  const lines = harmless(text, CONTROL_IN_LINES)
    .split('\n')
    .map((line) => `    ${line}`);
  if (cause === undefined) return lines;
  const [first = '', ...rest] = errorLines(cause);
  return [...lines, `    caused by ${first.trimStart()}`, ...rest];
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? { ...value } : undefined;
}
