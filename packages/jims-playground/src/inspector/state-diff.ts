/** A line of a difference between two JSON values. */
export interface DiffLine {
  readonly sign: ' ' | '+' | '-';
  readonly depth: number;
  readonly text: string;
}

/** More is not read by anybody. */
const MAX_LINES = 1500;

/** How `after` differs from `before`, as lines of indented JSON. What is equal in large values is left out. */
export function diffLines(before: unknown, after: unknown): readonly DiffLine[] {
  const lines: DiffLine[] = [];
  compare({ before, after, name: '', depth: 0 }, lines);
  if (lines.length <= MAX_LINES) return lines;
  const missing = {
    sign: ' ',
    depth: 0,
    text: `… ${lines.length - MAX_LINES} lines more`,
  } as const;
  return [...lines.slice(0, MAX_LINES), missing];
}

export function isEqual(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

interface Pair {
  readonly before: unknown;
  readonly after: unknown;
  /** What stands before the value. */
  readonly name: string;
  readonly depth: number;
}

function compare({ before, after, name, depth }: Pair, lines: DiffLine[]): void {
  if (isEqual(before, after)) return show(after, { sign: ' ', name, depth }, lines);
  if (Array.isArray(before) && Array.isArray(after)) {
    lines.push({ sign: ' ', depth, text: `${name}[` });
    compareItems({ before, after, depth: depth + 1 }, lines);
    lines.push({ sign: ' ', depth, text: ']' });
  } else if (isRecord(before) && isRecord(after)) {
    lines.push({ sign: ' ', depth, text: `${name}{` });
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const pair = { before: before[key], after: after[key] };
      compare({ ...pair, name: `${JSON.stringify(key)}: `, depth: depth + 1 }, lines);
    }
    lines.push({ sign: ' ', depth, text: '}' });
  } else {
    if (before !== undefined) show(before, { sign: '-', name, depth }, lines);
    if (after !== undefined) show(after, { sign: '+', name, depth }, lines);
  }
}

interface Items {
  readonly before: readonly unknown[];
  readonly after: readonly unknown[];
  readonly depth: number;
}

/** What is equal at the beginning and at the end is not what has changed. */
function compareItems({ before, after, depth }: Items, lines: DiffLine[]): void {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && isEqual(before[start], after[start])) start += 1;
  let end = 0;
  while (end < shorter - start && isEqual(before.at(-1 - end), after.at(-1 - end))) end += 1;
  unchanged(start, depth, lines);
  const removed = before.slice(start, before.length - end);
  const added = after.slice(start, after.length - end);
  for (const [index, value] of removed.entries()) {
    if (index < added.length)
      compare({ before: value, after: added[index], name: '', depth }, lines);
    else show(value, { sign: '-', name: '', depth }, lines);
  }
  for (const value of added.slice(removed.length))
    show(value, { sign: '+', name: '', depth }, lines);
  unchanged(end, depth, lines);
}

function unchanged(count: number, depth: number, lines: DiffLine[]): void {
  if (count > 0) lines.push({ sign: ' ', depth, text: `… ${count} unchanged` });
}

function show(value: unknown, { sign, name, depth }: DiffStart, lines: DiffLine[]): void {
  if (value === undefined) return;
  const json = sign === ' ' ? short(value) : JSON.stringify(value, undefined, 2);
  for (const [index, text] of json.split('\n').entries()) {
    const inner = text.trimStart();
    const indent = (text.length - inner.length) / 2;
    lines.push({ sign, depth: depth + indent, text: index === 0 ? name + inner : inner });
  }
}

interface DiffStart {
  readonly sign: DiffLine['sign'];
  readonly name: string;
  readonly depth: number;
}

function short(value: unknown): string {
  const json = JSON.stringify(value);
  if (json.length <= 60) return json;
  return Array.isArray(value)
    ? `[ … ${value.length} ]`
    : typeof value === 'object'
      ? '{ … }'
      : `${json.slice(0, 60)}…`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
