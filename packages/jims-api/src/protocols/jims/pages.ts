// What lists that come in pages have in common.
import * as v from 'valibot';

import { inQuery } from '../../http/parameters.ts';
import type { Parameter } from '../../http/route.ts';
import { described } from '../../http/schema.ts';

export const MAX_PAGE = 200;

/** Which page of a list. */
export const PAGE: readonly Parameter[] = [
  inQuery(
    'limit',
    'The most items of a page; default 50',
    v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_PAGE)),
  ),
  inQuery('cursor', 'The `next_cursor` of the previous page'),
];

export const nextCursor = described(v.nullable(v.string()), 'null on the last page');
