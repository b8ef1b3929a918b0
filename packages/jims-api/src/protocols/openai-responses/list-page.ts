import { integerIn, wordsIn } from '../../http/query.ts';
import type { Call } from '../../http/route.ts';

const MAX_PAGE = 100;
const DEFAULT_PAGE = 20;

/**
 * A page of a list as OpenAI's clients turn them: `order` (newest first by default), `after` an id,
 * `limit`. `items` are oldest first.
 *
 * @throws HttpError 422
 */
export function listPage(call: Call, items: readonly { readonly id: string }[]): object {
  const limit = integerIn(call, 'limit', { min: 1, max: MAX_PAGE, byDefault: DEFAULT_PAGE });
  const ascending = wordsIn(call, 'order', ['asc', 'desc'])?.has('asc') ?? false;
  const ordered = ascending ? items : items.toReversed();
  const after = call.query.get('after');
  const start = after === null ? 0 : ordered.findIndex(({ id }) => id === after) + 1;
  return listOf(ordered.slice(start, start + limit), start + limit < ordered.length);
}

/** A list that is all there is, or a part of it. */
export function listOf(data: readonly { readonly id: string }[], has_more = false): object {
  const [first, last] = [data.at(0), data.at(-1)];
  return { object: 'list', data, first_id: first?.id ?? null, last_id: last?.id ?? null, has_more };
}
