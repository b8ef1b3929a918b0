import { readFileSync } from 'node:fs';

import type { BrokenCode } from '../../server/code-feed.ts';
import type { AppLoadError } from '../app-loading/load-error.ts';

type Excerpt = BrokenCode['excerpt'];

/** Lines before and after the one that matters. */
const AROUND = 3;
const MAX_LINE = 200;

/** What an error says of code that cannot be loaded; `generation` is in service. */
export function brokenCode({ message, position }: AppLoadError, generation: number): BrokenCode {
  const { file, line, column } = position ?? {};
  return {
    type: 'broken',
    generation,
    message,
    file: file ?? null,
    line: line ?? null,
    column: column ?? null,
    excerpt: file === undefined || line === undefined ? [] : excerptOf(file, line),
  };
}

/** The lines around a line of a file; none when it cannot be read. */
function excerptOf(file: string, line: number): Excerpt {
  let lines: readonly string[];
  try {
    lines = readFileSync(file, 'utf8').split(/\r?\n/);
  } catch {
    return [];
  }
  const first = Math.max(1, line - AROUND);
  return lines
    .slice(first - 1, line + AROUND)
    .map((text, index) => ({ line: first + index, text: text.slice(0, MAX_LINE) }));
}

/** The lines for a terminal, with a mark at the position. */
export function excerptText({ excerpt, line, column }: BrokenCode): string {
  const width = String(excerpt.at(-1)?.line ?? '').length;
  return excerpt
    .map(({ line: number, text }) => {
      const row = `  ${number === line ? '>' : ' '} ${String(number).padStart(width)} | ${text}\n`;
      if (number !== line || column === null || column > MAX_LINE) return row;
      // Tabs stay tabs, or the mark would not be below its column.
      const before = text.slice(0, column - 1).replaceAll(/[^\t]/g, ' ');
      return `${row}    ${' '.repeat(width)} | ${before}^\n`;
    })
    .join('');
}
