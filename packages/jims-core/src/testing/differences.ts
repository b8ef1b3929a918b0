import { isDeepStrictEqual } from 'node:util';

/** What differs between two objects of JSON: lines for people, none when they are the same. */
export function differencesOf(
  expected: Readonly<Record<string, unknown>>,
  actual: Readonly<Record<string, unknown>>,
): readonly string[] {
  const names = new Set([...Object.keys(expected), ...Object.keys(actual)]);
  return [...names].flatMap((name) => {
    const lines = differing(expected[name], actual[name]);
    return lines.length > 0 ? [`  ${name}:`, ...lines.map((line) => `    ${line}`)] : [];
  });
}

function differing(expected: unknown, actual: unknown): readonly string[] {
  if (isDeepStrictEqual(expected, actual)) return [];
  if (Array.isArray(expected) && Array.isArray(actual)) return differingItems(expected, actual);
  if (isPlain(expected) && isPlain(actual)) return differencesOf(expected, actual).map(outdented);
  return [...marked('-', expected), ...marked('+', actual)];
}

/** Item by item; what is the same is shown, as where a list differs is seen by its neighbours. */
function differingItems(expected: readonly unknown[], actual: readonly unknown[]): string[] {
  const length = Math.max(expected.length, actual.length);
  return Array.from({ length }, (_, index) => index).flatMap((index) => {
    const [before, after] = [expected[index], actual[index]];
    if (isDeepStrictEqual(before, after)) return marked(' ', before);
    const gone = index < expected.length ? marked('-', before) : [];
    return [...gone, ...(index < actual.length ? marked('+', after) : [])];
  });
}

function marked(sign: string, value: unknown): string[] {
  if (value === undefined) return [];
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  return shown.split('\n').map((line) => `${sign} ${line}`);
}

function outdented(line: string): string {
  return line.slice(2);
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
