import * as v from 'valibot';

import { jsonObject } from '../../http/fastapi/fields.ts';
import { described, titled } from '../../http/schema.ts';
import { failure, moment, replayed, text, value } from './trace-members.ts';

/** A message of a request to a model. */
const TraceMessage = titled('TraceMessage', {
  role: v.string(),
  parts: described(
    v.array(
      v.object({
        type: described(
          v.string(),
          '`text` and `reasoning` have `text`; `tool_call` has `id`, `name` and `input`; `tool_result` has `id`, `name` and `output`; a file has its `media_type` alone',
        ),
        text: v.optional(text),
        id: v.optional(v.string()),
        name: v.optional(v.string()),
        input: value,
        output: value,
        media_type: v.optional(v.string()),
      }),
    ),
    'What it is made of, in order',
  ),
});

/** What a model was sent. */
const TraceRequest = titled('TraceRequest', {
  messages: v.array(TraceMessage),
  tools: v.array(
    v.object({
      name: v.string(),
      description: v.optional(text),
      parameters: described(value, 'A JSON Schema'),
    }),
  ),
  settings: described(jsonObject, 'Such as temperature, as far as they were set'),
  texts: described(v.optional(v.array(text)), 'Of embeddings, and what is ranked'),
  query: described(v.optional(text), 'What documents are ranked for'),
});

/** What a model said. */
const TraceAnswer = titled('TraceAnswer', {
  text,
  reasoning: v.optional(text),
  tool_calls: v.optional(
    v.array(v.object({ id: v.string(), name: v.string(), input: v.unknown() })),
  ),
  finish_reason: v.optional(v.string()),
  vectors: described(
    v.optional(v.object({ count: v.number(), dimensions: v.number() })),
    'Of embeddings: how many numbers came, not the numbers',
  ),
  ranking: v.optional(v.array(v.object({ index: v.number(), score: v.number() }))),
});

/** A call of a model in a trace. */
export const Model = v.object({
  ...moment,
  kind: v.literal('model'),
  operation: described(
    v.string(),
    'The method of `ctx.llm`, such as `stream`; `chat` where that is not known',
  ),
  provider: v.string(),
  model: v.string(),
  request: described(
    v.nullable(TraceRequest),
    'null where it is not known, as for a replayed call',
  ),
  answer: v.nullable(TraceAnswer),
  tokens: v.nullable(
    v.object({
      prompt: v.number(),
      completion: v.number(),
      cached: described(v.number(), 'The part of `prompt` that was cached'),
    }),
  ),
  cost_usd: described(v.nullable(v.number()), 'null when the price is not known'),
  tries: described(v.number(), 'How often it was sent; 0 for a replayed call'),
  first_piece_ms: described(
    v.nullable(v.number()),
    'How long it took to the first piece of a stream',
  ),
  error: failure,
  replayed,
});
