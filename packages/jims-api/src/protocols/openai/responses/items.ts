// What was said in a thread, as the items of a conversation, and pages of them.
import type { JimsApp, MessageFile, NewEvent, Thread } from 'jims-core';
import * as v from 'valibot';

import type { FileAddress } from '../../../chat/file-address.ts';
import { filesOf } from '../../../chat/message-members.ts';
import { assistantText, userText } from '../../../chat/messages.ts';
import { jsonObject } from '../../../http/fastapi/fields.ts';
import { inQuery } from '../../../http/parameters.ts';
import { integerIn, wordsIn } from '../../../http/query.ts';
import type { Call, Parameter } from '../../../http/route.ts';
import { titled } from '../../../http/schema.ts';
import { messageId } from '../shared/ids.ts';
import { citingPart } from './response.ts';
import type { TextPart } from './response.ts';

export const ItemResource = titled('ConversationItem', {
  id: v.string(),
  type: v.literal('message'),
  role: v.picklist(['user', 'assistant']),
  status: v.picklist(['completed', 'incomplete']),
  content: v.array(jsonObject),
});

export const ItemList = titled('ConversationItemList', {
  object: v.literal('list'),
  data: v.array(ItemResource),
  first_id: v.nullable(v.string()),
  last_id: v.nullable(v.string()),
  has_more: v.boolean(),
});

/** Which page of items. */
export const PAGE: readonly Parameter[] = [
  inQuery('limit', '1 to 100; default 20'),
  inQuery('order', '`desc`, the newest first (default), or `asc`'),
  inQuery('after', 'The id of the last item of the previous page'),
];

const MAX_PAGE = 100;
const DEFAULT_PAGE = 20;
/** A page of large items ends before its `limit`. */
const PAGE_CHARS = 2 * 1024 * 1024;

export interface ConversationItem {
  readonly id: string;
  readonly type: 'message';
  readonly role: 'user' | 'assistant';
  readonly status: 'completed' | 'incomplete';
  readonly content: readonly (TextPart | InputPart)[];
}

/** A part of a message of the user. */
type InputPart =
  | { readonly type: 'input_text'; readonly text: string }
  | {
      readonly type: 'input_image';
      readonly detail: 'auto';
      readonly image_url: string;
      readonly file_id: string;
    }
  | {
      readonly type: 'input_file';
      readonly filename: string;
      readonly file_url: string;
      readonly file_id: string;
    };

/** The items of a thread, oldest first. */
export async function* conversationItems(
  app: JimsApp,
  { thread, addressOf }: { readonly thread: Thread; readonly addressOf: FileAddress },
): AsyncGenerator<ConversationItem> {
  let question: string | undefined;
  for await (const events of app.threads.allEvents(thread)) {
    for (const event of events) {
      if (userText(event) !== undefined || isAnswer(event)) question = event.id;
      yield* toItem(event, { runId: question, addressOf });
    }
  }
}

/** What continued a thread that was waiting for a service, or in vain: its id is that of a run, too. */
function isAnswer({ type }: NewEvent): boolean {
  return type.startsWith('jims.question_');
}

/** Converts a message to an item, and other events to none. `runId` is the id of the question before it. */
export function toItem(
  event: NewEvent,
  { runId, addressOf }: { readonly runId: string | undefined; readonly addressOf: FileAddress },
): ConversationItem[] {
  const id = messageId(event.id, runId);
  const question = userText(event);
  if (question !== undefined) {
    const files = filesOf(event).map((file) => filePart(file, addressOf));
    const isText = question !== '' || files.length === 0;
    const text = isText ? [{ type: 'input_text', text: question } as const] : [];
    const content = [...text, ...files];
    return [{ id, type: 'message', role: 'user', status: 'completed', content }];
  }
  if (assistantText(event) === undefined) return [];
  const status = event.data['partial'] === true ? 'incomplete' : 'completed';
  const content = [citingPart(event, addressOf)];
  return [{ id, type: 'message', role: 'assistant', status, content }];
}

function filePart(file: MessageFile, addressOf: FileAddress): InputPart {
  const { file_id, name: filename, media_type: type } = file;
  const address = addressOf(file_id);
  return type.startsWith('image/')
    ? { type: 'input_image', detail: 'auto', image_url: address, file_id }
    : { type: 'input_file', filename, file_url: address, file_id };
}

/** Items, oldest first: anew at each call. */
type Items = () => Iterable<ConversationItem> | AsyncIterable<ConversationItem>;

interface Wanted {
  readonly after: string | undefined;
  readonly limit: number;
  readonly ascending: boolean;
}

/**
 * Makes a page of a list by the parameters of OpenAI's clients: `order` (newest first by default), `after`
 * an id, and `limit`. No more than a page is held in memory.
 *
 * @throws HttpError 422
 */
export async function listPage(call: Call, items: Items): Promise<object> {
  const limit = integerIn(call, 'limit', { min: 1, max: MAX_PAGE, byDefault: DEFAULT_PAGE });
  const ascending = wordsIn(call, 'order', ['asc', 'desc'])?.has('asc') ?? false;
  const given = call.query.get('after');
  // An unknown id is ignored.
  const after = given !== null && (await has(items, given)) ? given : undefined;
  return pageOf(items, { after, limit, ascending });
}

/** A list, whole or a part of it. */
export function listOf(data: readonly { readonly id: string }[], has_more = false): object {
  const [first, last] = [data.at(0), data.at(-1)];
  return { object: 'list', data, first_id: first?.id ?? null, last_id: last?.id ?? null, has_more };
}

async function has(items: Items, id: string): Promise<boolean> {
  for await (const item of items()) if (item.id === id) return true;
  return false;
}

async function pageOf(items: Items, wanted: Wanted): Promise<object> {
  const { limit, ascending } = wanted;
  const page: ConversationItem[] = [];
  let chars = 0;
  let more = false;
  for await (const item of ascending ? itemsAfter(items, wanted) : itemsBefore(items, wanted)) {
    page.push(item);
    chars += sizeOfItem(item);
    while (page.length > limit || (page.length > 1 && chars > PAGE_CHARS)) {
      more = true;
      const left = ascending ? page.pop() : page.shift();
      if (left) chars -= sizeOfItem(left);
    }
    if (ascending && more) break;
  }
  return listOf(ascending ? page : page.toReversed(), more);
}

async function* itemsAfter(
  items: Items,
  { after }: Wanted,
): AsyncGenerator<ConversationItem, void, void> {
  let isAfter = after === undefined;
  for await (const item of items()) {
    if (isAfter) yield item;
    else isAfter = item.id === after;
  }
}

async function* itemsBefore(
  items: Items,
  { after }: Wanted,
): AsyncGenerator<ConversationItem, void, void> {
  for await (const item of items()) {
    if (item.id === after) return;
    yield item;
  }
}

/** How much text it has. */
function sizeOfItem({ content }: ConversationItem): number {
  return content.reduce((sum, part) => sum + ('text' in part ? part.text.length : 0), 0);
}
