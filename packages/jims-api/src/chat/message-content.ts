import * as v from 'valibot';

import { tooManyItems } from '../http/list.ts';
import { MAX_PARTS } from './chat-limits.ts';

/**
 * The content of a message in protocols where it is a string or a list of parts. Anything is taken, as
 * clients send parts of many kinds, but no more than {@link MAX_PARTS} of them.
 */
export const messageContent: v.GenericSchema<unknown, unknown> = v.pipe(
  v.unknown(),
  v.metadata({ type: ['string', 'array', 'null'], items: {}, maxItems: MAX_PARTS }),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }) => {
    if (!Array.isArray(value) || value.length <= MAX_PARTS) return value;
    addIssue({ expected: 'too_long', message: tooManyItems('List', MAX_PARTS, value.length) });
    return NEVER;
  }),
);
