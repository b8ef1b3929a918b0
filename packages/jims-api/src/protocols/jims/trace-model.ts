import * as v from 'valibot';

import { jsonObject } from '../../http/fastapi/fields.ts';
import { failure, moment, replayed, text, value } from './trace-members.ts';

/** A message of a request to a model. */
const TraceMessage = v.pipe(
  v.object({
    role: v.string(),
    parts: v.pipe(
      v.array(
        v.object({
          type: v.pipe(
            v.string(),
            v.description(
              '`text` and `reasoning` have `text`; `tool_call` has `id`, `name` and `input`; `tool_result` has `id`, `name` and `output`; a file has its `media_type` alone',
            ),
          ),
          text: v.optional(text),
          id: v.optional(v.string()),
          name: v.optional(v.string()),
          input: value,
          output: value,
          media_type: v.optional(v.string()),
        }),
      ),
      v.description('What it is made of, in order'),
    ),
  }),
  v.title('TraceMessage'),
);

/** What a model was sent. */
const TraceRequest = v.pipe(
  v.object({
    messages: v.array(TraceMessage),
    tools: v.array(
      v.object({
        name: v.string(),
        description: v.optional(text),
        parameters: v.pipe(value, v.description('A JSON Schema')),
      }),
    ),
    settings: v.pipe(jsonObject, v.description('Such as temperature, as far as they were set')),
    texts: v.pipe(v.optional(v.array(text)), v.description('Of embeddings, and what is ranked')),
    query: v.pipe(v.optional(text), v.description('What documents are ranked for')),
  }),
  v.title('TraceRequest'),
);

/** What a model said. */
const TraceAnswer = v.pipe(
  v.object({
    text,
    reasoning: v.optional(text),
    tool_calls: v.optional(
      v.array(v.object({ id: v.string(), name: v.string(), input: v.unknown() })),
    ),
    finish_reason: v.optional(v.string()),
    vectors: v.pipe(
      v.optional(v.object({ count: v.number(), dimensions: v.number() })),
      v.description('Of embeddings: how many numbers came, not the numbers'),
    ),
    ranking: v.optional(v.array(v.object({ index: v.number(), score: v.number() }))),
  }),
  v.title('TraceAnswer'),
);

/** A call of a model in a trace. */
export const Model = v.object({
  ...moment,
  kind: v.literal('model'),
  operation: v.pipe(
    v.string(),
    v.description('The method of `ctx.llm`, such as `stream`; `chat` where that is not known'),
  ),
  provider: v.string(),
  model: v.string(),
  request: v.pipe(
    v.nullable(TraceRequest),
    v.description('null where it is not known, as for a replayed call'),
  ),
  answer: v.nullable(TraceAnswer),
  tokens: v.nullable(
    v.object({
      prompt: v.number(),
      completion: v.number(),
      cached: v.pipe(v.number(), v.description('The part of `prompt` that was cached')),
    }),
  ),
  cost_usd: v.pipe(v.nullable(v.number()), v.description('null when the price is not known')),
  tries: v.pipe(v.number(), v.description('How often it was sent; 0 for a replayed call')),
  first_piece_ms: v.pipe(
    v.nullable(v.number()),
    v.description('How long it took to the first piece of a stream'),
  ),
  error: failure,
  replayed,
});
