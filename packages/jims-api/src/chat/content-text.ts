import { isJsonObject } from '../http/json-object.ts';

const BETWEEN_PARTS = '\n\n';
const TEXTS: ReadonlySet<unknown> = new Set(['text', 'input_text', 'output_text']);

/** The text of a message's content, which is a string or parts; parts without text are left out. */
export function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .flatMap((part) =>
      isJsonObject(part) && TEXTS.has(part['type']) && typeof part['text'] === 'string'
        ? [part['text']]
        : [],
    )
    .join(BETWEEN_PARTS);
}
