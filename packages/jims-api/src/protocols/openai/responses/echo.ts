import { newEvent } from 'jims-core';
import type { NewEvent } from 'jims-core';
import * as v from 'valibot';

import { jsonObject } from '../../../http/fastapi/fields.ts';

const MEMBER = 'openai_response';

/** The members of a request that its response repeats, also when that is fetched later. */
const Echo = v.object({
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

export type Echo = v.InferOutput<typeof Echo>;

/** Stores the members with the question: a run has nothing else to keep them in. */
export function withEcho({ type, data }: NewEvent, echo: Echo): NewEvent {
  return newEvent(type, { ...data, [MEMBER]: echo });
}

/** Reads the stored members; the defaults for a run that another protocol started. */
export function echoOf(question: NewEvent | undefined): Echo {
  const read = v.safeParse(Echo, question?.data[MEMBER] ?? {});
  return read.success ? read.output : { model: 'jims' };
}
