import { integerIn, wordsIn } from '../../../http/query.ts';
import type { Call } from '../../../http/route.ts';
import { sizeOfItem } from './conversation-items.ts';
import type { ConversationItem } from './conversation-items.ts';

const MAX_PAGE = 100;
const DEFAULT_PAGE = 20;
/** A page of large items ends before its `limit`. */
const PAGE_CHARS = 2 * 1024 * 1024;

/** Items, oldest first: anew at each call. */
type Items = () => Iterable<ConversationItem> | AsyncIterable<ConversationItem>;

interface Wanted {
  readonly after: string | undefined;
  readonly limit: number;
  readonly ascending: boolean;
}

/**
 * A page of a list as OpenAI's clients turn them: `order` (newest first by default), `after` an id,
 * `limit`. No more than a page is held in memory.
 *
 * @throws HttpError 422
 */
export async function listPage(call: Call, items: Items): Promise<object> {
  const limit = integerIn(call, 'limit', { min: 1, max: MAX_PAGE, byDefault: DEFAULT_PAGE });
  const ascending = wordsIn(call, 'order', ['asc', 'desc'])?.has('asc') ?? false;
  const given = call.query.get('after');
  // An id that is not there is as none.
  const after = given !== null && (await has(items, given)) ? given : undefined;
  return pageOf(items, { after, limit, ascending });
}

/** A list that is all there is, or a part of it. */
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
