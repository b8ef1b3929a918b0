import { inspect, styleText } from 'node:util';

import { isOfApp, stackFrames } from 'jims-core/host';

type Style = Parameters<typeof styleText>[0];

const LEVELS: Readonly<Record<number, readonly [string, Style]>> = {
  20: ['DEBUG', 'gray'],
  30: ['INFO', 'green'],
  40: ['WARN', 'yellow'],
  50: ['ERROR', 'red'],
  60: ['FATAL', ['bgRed', 'white']],
};

/**
 * Formats a JSON log line for people: time, level, message, fields; below it an error with its causes, where frames
 * of packages are only counted.
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
  const chain = [...chainOf(described)];
  const ofApp = new Set(chain.flatMap(({ frames }) => frames.filter(isOfAuthor)));
  const shown = new Set<string>();
  return chain.flatMap((each, index) => {
    const cause = index === 0 ? '' : 'caused by ';
    const above = chain[index - 1];
    const lines = headOf(each, above).map((line, first) => `${first === 0 ? cause : ''}${line}`);
    // Where no line is the author's own, all may help.
    const frames = ofApp.size === 0 ? each.frames : folded(each, above, shown);
    return [...lines, ...frames].map((line) => `    ${line}`);
  });
}

/** An error, or one of its causes. */
interface LoggedError {
  readonly name: string;
  readonly message: string;
  /** Name and message, as its stack has them. */
  readonly head: readonly string[];
  readonly frames: readonly string[];
}

const FRAME = /^\s+at /;

function* chainOf(first: Readonly<Record<string, unknown>>): Generator<LoggedError> {
  for (let next: typeof first | undefined = first; next; next = objectOf(next['cause'])) {
    const { name: given = 'Error', message: text, stack } = next;
    const [name, message] = [String(given), String(text)];
    const whole = typeof stack === 'string' ? stack : `${name}: ${message}`;
    const lines = harmless(whole, CONTROL_IN_LINES).split('\n');
    const frames = lines.findIndex((line) => FRAME.test(line));
    const end = frames < 0 ? lines.length : frames;
    yield { name, message, head: lines.slice(0, end), frames: lines.slice(end) };
  }
}

/** A message that stands above is not said again. */
function headOf({ name, message, head }: LoggedError, above?: LoggedError): readonly string[] {
  if (!repeats(message, above)) return head;
  return name === 'Error' || name === above?.name ? [] : [name];
}

function repeats(message: string, above?: LoggedError): boolean {
  return above !== undefined && message !== '' && above.message.includes(message);
}

/** The author's own frames, each once, and how many others are between them. */
function folded(
  { message, frames }: LoggedError,
  above: LoggedError | undefined,
  shown: Set<string>,
): readonly string[] {
  const isRepeated = repeats(message, above);
  const lines: string[] = [];
  let others = 0;
  const fold = (): void => {
    if (others > 0 && !isRepeated) lines.push(`    … ${others} in packages`);
    others = 0;
  };
  for (const frame of frames) {
    if (!isOfAuthor(frame)) {
      others++;
      continue;
    }
    fold();
    if (!shown.has(frame)) lines.push(frame);
    shown.add(frame);
  }
  fold();
  return lines;
}

function isOfAuthor(frame: string): boolean {
  return stackFrames(frame).some(({ file }) => isOfApp(file));
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? { ...value } : undefined;
}
