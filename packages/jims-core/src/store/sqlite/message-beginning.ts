import { parseStoredObject } from './columns.ts';

/** How much of the data of an event is read for its beginning, in characters. */
const BEGINNING_CHARS = 16_384;

/** What is read of `event_data`: all of it, unless it is long. */
export const BEGINNING_OF_DATA: string = `substr(event_data, 1, ${BEGINNING_CHARS + 1})`;

const STRING = String.raw`"((?:[^"\\]|\\.)*)`;
/** The data of a message as JIMS and the original write it: its role and its content come first. */
const MESSAGE = new RegExp(
  String.raw`^\s*\{\s*"role"\s*:\s*${STRING}"\s*,\s*"content"\s*:\s*${STRING}`,
  's',
);

/** Who said something, and how it begins. */
export interface MessageBeginning {
  readonly role: string;
  readonly content: string;
}

/** Reads {@link BEGINNING_OF_DATA} of a message; `undefined` when it has no role and content there. */
export function messageBeginning(data: string | null): MessageBeginning | undefined {
  if (data === null) return undefined;
  const { role, content } = data.length > BEGINNING_CHARS ? cutMessage(data) : wholeMessage(data);
  return typeof role === 'string' && typeof content === 'string' ? { role, content } : undefined;
}

function wholeMessage(data: string): Readonly<Record<string, unknown>> {
  try {
    return parseStoredObject(data);
  } catch {
    // Another program wrote what is not JSON: such a row must not hide its thread.
    return {};
  }
}

function cutMessage(data: string): Readonly<Record<string, unknown>> {
  const [, role, content] = MESSAGE.exec(data) ?? [];
  return { role: unescaped(role), content: unescaped(content) };
}

/** An escape that was cut in two is left out. */
function unescaped(text: string | undefined): string | undefined {
  const whole = text?.replace(/\\(?:u[0-9a-f]{0,3})?$/i, '');
  try {
    return whole === undefined ? undefined : String(JSON.parse(`"${whole}"`));
  } catch {
    return undefined;
  }
}
