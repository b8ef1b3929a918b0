import * as v from 'valibot';

import type { HistoryMessage } from '../../../chat/alignment.ts';
import { contentText } from '../../../chat/content-text.ts';
import { messageContent, userContent } from '../../../chat/messages.ts';
import type { SentFile } from '../../../chat/sent-files.ts';
import { fieldError } from '../../../http/fastapi/validation.ts';
import { contentFiles, earlierFiles } from '../shared/files.ts';

const BETWEEN_MESSAGES = '\n\n';

/** A message, a reference to one, a compaction, or something else, which is ignored. */
export const Item = v.object({
  type: v.optional(v.string(), 'message'),
  role: v.optional(v.string()),
  content: v.optional(messageContent),
  id: v.nullish(v.string()),
  encrypted_content: v.nullish(v.string()),
});
export type Item = v.InferOutput<typeof Item>;

/** What a client sent as `input`. */
export interface Input {
  readonly systemPrompt: string | undefined;
  /** What was said before the new message, as far as the text was sent. */
  readonly earlier: readonly HistoryMessage[];
  /** The new message. */
  readonly message: string;
  readonly files: readonly SentFile[];
  /** For a thread that has the rest: all that the user says after the last answer. */
  readonly added: string;
  readonly addedFiles: readonly SentFile[];
  /** The last message that is named by its id alone. */
  readonly reference: string | undefined;
}

/** What a request has as `input`, which may be a string, as items. */
export function itemsIn(input: string | readonly Item[]): readonly Item[] {
  return typeof input === 'string' ? [{ type: 'message', role: 'user', content: input }] : input;
}

/** @throws HttpError 422 when the last message is not the user's. */
export function readInput(items: readonly Item[]): Input {
  if (items.at(-1)?.type === 'compaction_trigger') {
    const reason =
      'nothing is compacted while it is answered: send the items to /v1/responses/compact';
    throw fieldError('input', items.at(-1), reason);
  }
  const prompt = items.find(isPrompt);
  const talk = items.filter(isTalk);
  const added = addedIn(items);
  const last = added.at(-1);
  if (last === undefined) {
    const reason = 'the last item must be a message of the user';
    throw fieldError('input', items.at(-1), reason);
  }
  return {
    systemPrompt: prompt && contentOf(prompt),
    earlier: talk.slice(0, -1).flatMap(toSaidText),
    message: userContent(contentOf(last)),
    files: contentFiles(last.content, 'input'),
    added: added.map((item) => userContent(contentOf(item))).join(BETWEEN_MESSAGES),
    addedFiles: added.flatMap((item) => contentFiles(item.content, 'input')),
    reference: referenceIn(items),
  };
}

/** All that the user says after the last answer. */
export function addedIn(items: readonly Item[]): readonly Item[] {
  const talk = items.filter(isTalk);
  return talk.slice(talk.findLastIndex(({ role }) => role !== 'user') + 1);
}

/** The last message that is named by its id alone. */
export function referenceIn(items: readonly Item[]): string | undefined {
  return items.findLast(isReference)?.id ?? undefined;
}

/** What was said in items that are not a request: they need not end with the user. */
export function saidIn(items: readonly Item[]): HistoryMessage[] {
  return items.filter(isSaid).flatMap(toSaidText);
}

export function contentOf({ content }: Item): string {
  return contentText(content);
}

/** What the app is to do, from a client. */
export function isPrompt({ role }: Item): boolean {
  return role === 'system' || role === 'developer';
}

function isTalk(item: Item): boolean {
  return isSaid(item) || isReference(item);
}

export function isSaid({ type, role }: Item): boolean {
  return type === 'message' && (role === 'user' || role === 'assistant');
}

/** Statuses, which clients send back as reasoning, are not references. */
export function isReference({ type, id }: Item): boolean {
  return type === 'item_reference' && id?.startsWith('msg_') === true;
}

function toSaidText(item: Item): HistoryMessage[] {
  const content = contentOf(item);
  if (item.role === 'user') {
    return [{ role: 'user', content: userContent(content), files: earlierFiles(item.content) }];
  }
  return item.role === 'assistant' && content !== '' ? [{ role: 'assistant', content }] : [];
}
