import type { SourcePosition } from './wire.ts';

/** A message, and the lines of code that it is about. */
export interface Excerpted {
  readonly message: string;
  readonly source: SourcePosition | undefined;
}

/** The data of `broken`. */
export function brokenCodeOf(data: unknown): Excerpted {
  const { message, file, line, column, excerpt }: Readonly<Record<string, unknown>> = Object(data);
  const isPosition = typeof file === 'string' && typeof line === 'number';
  return {
    message: typeof message === 'string' ? message : 'The code does not load.',
    source: isPosition
      ? { file, line, column: typeof column === 'number' ? column : 1, excerpt: linesOf(excerpt) }
      : undefined,
  };
}

/** The data of `loaded`: how many milliseconds it took. */
export function loadedCodeOf(data: unknown): number | undefined {
  const { ms }: { ms?: unknown } = Object(data);
  return typeof ms === 'number' ? ms : undefined;
}

function linesOf(excerpt: unknown): SourcePosition['excerpt'] {
  if (!Array.isArray(excerpt)) return [];
  return excerpt.map((each: unknown) => {
    const { line, text }: { line?: unknown; text?: unknown } = Object(each);
    return { line: Number(line), text: String(text) };
  });
}
