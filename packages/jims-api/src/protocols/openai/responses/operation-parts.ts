// What the OpenAPI document says of both responses and conversations.
import * as v from 'valibot';

import { jsonObject } from '../../../http/fields.ts';
import type { OperationParameter } from '../../../http/operation.ts';

export const tags: readonly string[] = ['openai'];
const text = v.string();

export const ItemResource = v.pipe(
  v.object({
    id: text,
    type: v.literal('message'),
    role: v.picklist(['user', 'assistant']),
    status: v.picklist(['completed', 'incomplete']),
    content: v.array(jsonObject),
  }),
  v.title('ConversationItem'),
);

export const ItemList = v.pipe(
  v.object({
    object: v.literal('list'),
    data: v.array(ItemResource),
    first_id: v.nullable(text),
    last_id: v.nullable(text),
    has_more: v.boolean(),
  }),
  v.title('ConversationItemList'),
);

export const inPath = (name: string): OperationParameter => ({
  name,
  in: 'path',
  required: true,
  description: 'Its id',
  schema: text,
});

export const inQuery = (name: string, description: string): OperationParameter => ({
  name,
  in: 'query',
  description,
  schema: text,
});

export const contact: OperationParameter = {
  name: 'x-jims-contact-id',
  in: 'header',
  description: 'Whose it is; anybody else’s is not found',
  schema: text,
};

export const page: readonly OperationParameter[] = [
  inQuery('limit', '1 to 100, by default 20'),
  inQuery('order', '`desc` by default: newest first; or `asc`'),
  inQuery('after', 'The id of the last item of the page before'),
];

/** What is answered when a thing was erased. */
export const deletedResource = (object: string): v.GenericSchema =>
  v.object({ id: text, object: v.literal(object), deleted: v.literal(true) });
