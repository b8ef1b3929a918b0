// What lists that come in pages have in common.
import * as v from 'valibot';

import type { Parameter } from '../../http/route.ts';
import { described } from '../../http/schema.ts';

export const MAX_PAGE = 200;

/** Which page of a list. */
export const PAGE: readonly Parameter[] = [
  {
    name: 'limit',
    in: 'query',
    description: 'The most items of a page; default 50',
    schema: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_PAGE)),
  },
  {
    name: 'cursor',
    in: 'query',
    description: 'The `next_cursor` of the previous page',
    schema: v.string(),
  },
];

export const nextCursor = described(v.nullable(v.string()), 'null on the last page');
