import type { QuestionRecord } from 'jims-core';
import * as v from 'valibot';

import type { ViewOptions } from '../../chat/visibility.ts';
import { jsonObject, uuid } from '../../http/fastapi/fields.ts';

/** A question where the run or the thread that it belongs to is shown. */
export const AskedQuestion = v.pipe(
  v.object({
    id: v.pipe(uuid, v.description('What a message that answers it has as `answers`')),
    name: v.pipe(v.optional(v.string()), v.description('Of a question to a service')),
    text: v.pipe(v.optional(v.string()), v.description('What the contact is asked')),
    buttons: v.pipe(
      v.optional(v.array(jsonObject)),
      v.description('The answers to choose from, where there are such'),
    ),
    schema: v.pipe(
      v.optional(jsonObject),
      v.description('The JSON Schema of an answer, where the pipeline has one'),
    ),
    expires_at: v.pipe(v.string(), v.description('UTC; after that the pipeline goes on without')),
  }),
  v.title('AskedQuestion'),
);

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
