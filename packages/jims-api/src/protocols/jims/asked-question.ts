import type { QuestionRecord } from 'jims-core';
import * as v from 'valibot';

import type { ViewOptions } from '../../chat/visibility.ts';
import { jsonObject, uuid } from '../../http/fastapi/fields.ts';
import { described, titled } from '../../http/schema.ts';

/** A question where the run or the thread that it belongs to is shown. */
export const AskedQuestion = titled('AskedQuestion', {
  id: described(uuid, 'What a message that answers it has as `answers`'),
  name: described(v.optional(v.string()), 'Of a question to a service'),
  text: described(v.optional(v.string()), 'What the contact is asked'),
  buttons: described(
    v.optional(v.array(jsonObject)),
    'The answers to choose from, where there are such',
  ),
  schema: described(
    v.optional(jsonObject),
    'The JSON Schema of an answer, where the pipeline has one',
  ),
  expires_at: described(v.string(), 'UTC; after that the pipeline goes on without'),
});

type AskedQuestion = v.InferOutput<typeof AskedQuestion>;

/** A question as its caller may see it: a contact sees those to the contact. */
export function askedQuestion(
  question: QuestionRecord,
  { seesWork }: Pick<ViewOptions, 'seesWork'>,
): AskedQuestion | undefined {
  const { questionId: id, name, text, buttons, schema, expiresAt: expires_at } = question;
  if (question.audience === 'service') {
    return seesWork ? { id, ...(name !== undefined && { name }), expires_at } : undefined;
  }
  return {
    id,
    ...(text !== undefined && { text }),
    ...(buttons && { buttons: [...buttons] }),
    ...(schema && { schema }),
    expires_at,
  };
}
