import { newId } from 'jims-core';
import * as v from 'valibot';

import { MAX_MESSAGES, MAX_NAME } from '../../../chat/sent-limits.ts';
import { fieldError, parseBody } from '../../../http/fastapi/validation.ts';
import { json } from '../../../http/json-answer.ts';
import { list } from '../../../http/list.ts';
import { lookUpInTurn } from '../../../http/reading-turns.ts';
import { route } from '../../../http/route.ts';
import type { ApiContext, Call, Route } from '../../../http/route.ts';
import { described, titled } from '../../../http/schema.ts';
import { callerFields, callerOf } from '../shared/caller.ts';
import { messageId, responseId, secondsOf } from '../shared/ids.ts';
import { CompactionResource, compacted, expanded, keptOf } from './compaction.ts';
import { contextFields } from './decode.ts';
import { Item, isReference, itemsIn } from './input.ts';
import { usageOf } from './response.ts';
import { previousResponse } from './thread.ts';

const CompactBody = titled('CompactRequest', {
  model: v.pipe(v.string(), v.maxLength(MAX_NAME), v.description('Any name')),
  input: described(v.nullish(v.union([v.string(), list(Item, MAX_MESSAGES)])), 'The conversation'),
  previous_response_id: contextFields.previous_response_id,
  ...callerFields,
});

const CompactedResource = titled('CompactedResponse', {
  id: v.string(),
  object: v.literal('response.compaction'),
  created_at: v.number(),
  output: described(
    v.array(CompactionResource),
    'One item, to be sent in place of all that was compacted',
  ),
  usage: v.looseObject({}),
});

export const compactRoute: Route = route.post('/v1/responses/compact', compact, {
  operationId: 'openai_compact',
  summary: 'For OpenAI’s clients: a conversation as one item',
  description:
    'The item stands for the whole conversation in the `input` of a response, and is smaller. No model is used, and nothing is stored.',
  tags: ['openai'],
  request: CompactBody,
  responses: { 200: { description: 'The item', schema: CompactedResource } },
  errors: [400, 401, 413, 429],
});

async function compact(api: ApiContext, call: Call): Promise<Response> {
  const body = parseBody(CompactBody, await call.body());
  const items = await expanded(itemsIn(body.input ?? []), api.maxBodyBytes);
  const { previous_response_id: previous } = body;
  const contact = callerOf(call, body);
  const record = previous
    ? await lookUpInTurn(api, call, () => previousResponse(api, call, { id: previous, contact }))
    : undefined;
  const whole = record
    ? [reference(record.runId), ...items.filter((item) => !isReference(item))]
    : items;
  if (keptOf(whole).length === 0) {
    const reason = 'there is nothing to compact: send the conversation, or previous_response_id';
    throw fieldError('input', body.input, reason);
  }
  const id = newId();
  return json(call, {
    id: responseId(id),
    object: 'response.compaction',
    created_at: secondsOf(id),
    output: [await compacted(whole, api.maxBodyBytes)],
    usage: usageOf({}),
  });
}

/** Goes on after a run, as a message of it does that is named by its id. */
function reference(runId: string): Item {
  return { type: 'item_reference', id: messageId(runId, runId) };
}
