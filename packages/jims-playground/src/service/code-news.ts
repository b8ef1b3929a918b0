import type { SourcePosition } from 'jims-client';

/** Code that does not load: why, and where. */
export interface BrokenCode {
  readonly message: string;
  readonly source: SourcePosition | undefined;
  /** Whether older code is in service. */
  readonly hasOlder: boolean;
}

/** The data of `broken`. */
export function brokenCodeOf(data: unknown): BrokenCode {
  const { message, file, line, column, excerpt, generation }: Readonly<Record<string, unknown>> =
    Object(data);
  const isPosition = typeof file === 'string' && typeof line === 'number';
  return {
    message: typeof message === 'string' ? message : 'The code does not load.',
    source: isPosition
      ? { file, line, column: typeof column === 'number' ? column : 1, excerpt: linesOf(excerpt) }
      : undefined,
    hasOlder: typeof generation === 'number' && generation > 0,
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
