import * as v from 'valibot';

import { MAX_MESSAGES } from '../../../chat/sent-limits.ts';
import { estimatedTokens } from '../../../chat/token-estimate.ts';
import { parseBody } from '../../../http/fastapi/validation.ts';
import { json } from '../../../http/json-answer.ts';
import { list } from '../../../http/list.ts';
import { lookUpInTurn } from '../../../http/reading-turns.ts';
import { route } from '../../../http/route.ts';
import type { ApiContext, Call, Route } from '../../../http/route.ts';
import { described, titled } from '../../../http/schema.ts';
import { callerOf } from '../shared/caller.ts';
import { expanded } from './compaction.ts';
import { contextFields, contextOf } from './decode.ts';
import { Item, addedIn, contentOf, itemsIn, referenceIn } from './input.ts';
import { tokensBefore } from './thread.ts';

const CountBody = titled('InputTokensRequest', {
  input: described(
    v.nullish(v.union([v.string(), list(Item, MAX_MESSAGES)])),
    'As for a response; it need not end with the user',
  ),
  ...contextFields,
});

const CountResource = titled('InputTokens', {
  object: v.literal('response.input_tokens'),
  input_tokens: v.number(),
});

export const inputTokensRoute: Route = route.post('/v1/responses/input_tokens', count, {
  operationId: 'openai_input_tokens',
  summary: 'For OpenAI’s clients: about how many tokens a conversation is',
  description:
    'An estimate from the length of what the app would get, with the conversation that the request goes on in: which model the app uses is its own matter.',
  tags: ['openai'],
  request: CountBody,
  responses: { 200: { description: 'The estimate', schema: CountResource } },
  errors: [400, 401, 404, 413, 429],
});

async function count(api: ApiContext, call: Call): Promise<Response> {
  const body = parseBody(CountBody, (await call.body()) ?? {});
  const context = contextOf(body);
  const items = await expanded(itemsIn(body.input ?? []), api.maxBodyBytes);
  const named = { ...context, reference: referenceIn(items) };
  const contact = callerOf(call, context.caller);
  const before = await lookUpInTurn(api, call, () => tokensBefore(api, call, named, contact));
  // A thread has the earlier items, and a prompt of its own.
  const own = before === undefined ? items : addedIn(items);
  const sent = estimatedTokens([context.instructions ?? '', ...own.map(contentOf)]);
  return json(call, { object: 'response.input_tokens', input_tokens: (before ?? 0) + sent });
}
