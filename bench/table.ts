import { rounded } from './numbers.ts';
import type { Row, Verdict } from './scenario.ts';

const MARKS: Readonly<Record<Verdict, string>> = { pass: '✓', miss: '✗', limited: '~' };
const HEAD = ['figure', 'ours', 'floor', 'ratio', 'target', ''];

/** The report, as a table for people that Markdown understands, too. */
export function table(rows: readonly Row[]): string {
  const lines = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const [head = '', ...body] = lines.map(
    (line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  const rule = `| ${widths.map((width) => '-'.repeat(Math.max(width, 3))).join(' | ')} |`;
  return [head, rule, ...body].join('\n');
}

function cells({ figure, ours, floor = '', ratio, target = '', verdict }: Row): string[] {
  const shown = ratio === undefined ? '' : rounded(ratio);
  return [figure, ours, floor, shown, target, verdict ? MARKS[verdict] : ''];
}
