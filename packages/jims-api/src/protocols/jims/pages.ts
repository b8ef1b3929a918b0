// What lists that come in pages have in common.
import * as v from 'valibot';

import { inQuery } from '../../http/parameters.ts';
import { integerIn } from '../../http/query.ts';
import type { Call, Parameter, ResponseDoc } from '../../http/route.ts';
import { described, titled } from '../../http/schema.ts';

const MAX_PAGE = 200;

/** Which page of a list. */
export const PAGE: readonly Parameter[] = [
  inQuery(
    'limit',
    'The most items of a page; default 50',
    v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_PAGE)),
  ),
  inQuery('cursor', 'The `next_cursor` of the previous page'),
];

/** @throws HttpError 422 when the `limit` is not one that a page may have. */
export function limitIn(call: Call): number {
  return integerIn(call, 'limit', { min: 1, max: MAX_PAGE, byDefault: 50 });
}

/** The answer with a page: its items, and the cursor of the next one. */
export function pageDoc(title: string, name: string, item: v.GenericSchema): ResponseDoc {
  const next = described(v.nullable(v.string()), 'null on the last page');
  const schema = titled(title, { [name]: v.array(item), next_cursor: next });
  return { description: `A page of ${name}`, schema };
}
