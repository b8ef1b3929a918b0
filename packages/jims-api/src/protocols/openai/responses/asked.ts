import { newEvent } from 'jims-core';
import type { NewEvent } from 'jims-core';
import * as v from 'valibot';

import { jsonObject } from '../../../http/fastapi/fields.ts';

const MEMBER = 'openai_response';

/** What a client wrote into its request, and reads in the response, also when that is fetched later. */
const Asked = v.object({
  model: v.optional(v.string(), 'jims'),
  metadata: v.optional(jsonObject),
  instructions: v.optional(v.string()),
  previous_response_id: v.optional(v.string()),
  /** That a conversation was named. */
  conversation: v.optional(v.literal(true)),
  background: v.optional(v.literal(true)),
  /** That the response was not to be stored. */
  store: v.optional(v.literal(false)),
  safety_identifier: v.optional(v.string()),
  prompt_cache_key: v.optional(v.string()),
});

export type Asked = v.InferOutput<typeof Asked>;

/** The question with what its client wrote: the run's only place for it. */
export function withAsked({ type, data }: NewEvent, asked: Asked): NewEvent {
  return newEvent(type, { ...data, [MEMBER]: asked });
}

/** What the client of a run wrote; of a run that another protocol started, nothing. */
export function askedOf(question: NewEvent | undefined): Asked {
  const read = v.safeParse(Asked, question?.data[MEMBER] ?? {});
  return read.success ? read.output : { model: 'jims' };
}
