import { describeError } from 'jims-core/host';

const MOST_ERRORS = 3;
const MOST_CAUSES = 4;

/** What went wrong, in one line, whatever was thrown. Never throws. */
export function thrownMessage(thrown: unknown): string {
  return oneLine(messageOf(thrown, MOST_CAUSES));
}

function messageOf(thrown: unknown, depth: number): string {
  if (thrown === undefined || thrown === null) return `${thrown} was thrown`;
  const { name, message } = describeError(thrown);
  if (!Error.isError(thrown)) return wordsIn(thrown) ?? message;
  const reasons = depth > 0 ? reasonsOf(thrown).map((each) => messageOf(each, depth - 1)) : [];
  const own = message || (reasons.length > 0 ? '' : (name ?? 'Error'));
  const more = reasons.filter((reason) => !own.includes(reason)).join('; ');
  return [own, more].filter(Boolean).join(': ');
}

/** An error for several things that failed says little itself; and one may be caused by another. */
function reasonsOf(error: Error): readonly unknown[] {
  const errors: unknown = error instanceof AggregateError ? error.errors : undefined;
  if (Array.isArray(errors)) return errors.slice(0, MOST_ERRORS);
  return Error.isError(error.cause) ? [error.cause] : [];
}

/** Some throw an object that only looks like an error. */
function wordsIn(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('message' in thrown)) return undefined;
  return typeof thrown.message === 'string' && thrown.message ? thrown.message : undefined;
}

function oneLine(message: string): string {
  return message
    .replace(/\nRequire stack:[^]*$/, '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ');
}
