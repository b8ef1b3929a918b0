import { fileURLToPath } from 'node:url';

/** Where a function was, by the stack of an error. */
export interface StackFrame {
  /** An absolute path. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

const FRAME =
  /^\s+at (?:async )?(?:.*? \()?((?:file:\/\/\/?)?(?:\/|[A-Za-z]:[\\/]).*):(\d+):(\d+)\)?$/;

/**
 * The frames of a stack that are in files, innermost first.
 *
 * @example
 * const [innermost] = stackFrames(error.stack ?? '');
 */
export function stackFrames(stack: string): readonly StackFrame[] {
  return stack.split('\n').flatMap((text) => {
    const [, where = '', line, column] = FRAME.exec(text) ?? [];
    const file = asPath(where);
    // The source map of another compiler may give only the name of a file.
    if (file === '' || file.includes('<anonymous>')) return [];
    return [{ file, line: Number(line), column: Number(column) }];
  });
}

/** Without what a loader puts after a `?` to load a file once more. */
function asPath(position: string): string {
  if (!position.startsWith('file:')) return position;
  try {
    return fileURLToPath(position);
  } catch {
    return '';
  }
}
