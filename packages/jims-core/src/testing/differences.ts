import { isDeepStrictEqual } from 'node:util';

/** What differs between two objects of JSON: lines for people, none when they are the same. */
export function differencesOf(
  expected: Readonly<Record<string, unknown>>,
  actual: Readonly<Record<string, unknown>>,
): readonly string[] {
  const lines: string[] = [];
  for (const name of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
    const found = differing(expected[name], actual[name]).map((line) => `    ${line}`);
    if (found.length > 0) lines.push(`  ${name}:`, ...found);
  }
  return lines;
}

/** What there is in `actual` of the members that the objects in `expected` have. */
export function sameMembers(expected: unknown, actual: unknown): unknown {
  if (Array.isArray(expected) && Array.isArray(actual)) {
    return actual.map((each: unknown, index) => sameMembers(expected[index], each));
  }
  if (!isPlain(expected) || !isPlain(actual)) return actual;
  const members = Object.entries(actual).filter(([name]) => name in expected);
  return Object.fromEntries(
    members.map(([name, value]) => [name, sameMembers(expected[name], value)]),
  );
}

function differing(expected: unknown, actual: unknown): readonly string[] {
  if (isDeepStrictEqual(expected, actual)) return [];
  if (Array.isArray(expected) && Array.isArray(actual)) return differingItems(expected, actual);
  if (isPlain(expected) && isPlain(actual)) return differencesOf(expected, actual).map(outdented);
  return [...marked('-', expected), ...marked('+', actual)];
}

/** Item by item; what is the same is shown, as where a list differs is seen by its neighbours. */
function differingItems(expected: readonly unknown[], actual: readonly unknown[]): string[] {
  const lines: string[] = [];
  for (let index = 0; index < Math.max(expected.length, actual.length); index++) {
    const [before, after] = [expected[index], actual[index]];
    if (isDeepStrictEqual(before, after)) {
      lines.push(...marked(' ', before));
      continue;
    }
    if (index < expected.length) lines.push(...marked('-', before));
    if (index < actual.length) lines.push(...marked('+', after));
  }
  return lines;
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
