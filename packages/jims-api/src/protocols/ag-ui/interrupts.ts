// Questions as AG-UI has them: the run that asks ends with an interrupt, and the next one resumes it.
import type { AnswerRule, JsonObject, QuestionRecord } from 'jims-core';
import * as v from 'valibot';

const MAX_ID = 256;

/** How a run ended that asks its user: a `resume` of the next run answers. */
export interface InterruptOutcome {
  readonly type: 'interrupt';
  readonly interrupts: readonly [
    {
      readonly id: string;
      readonly reason: 'question';
      readonly message?: string;
      readonly responseSchema: JsonObject;
      readonly expiresAt: string;
      readonly metadata?: { readonly buttons: readonly JsonObject[] };
    },
  ];
}

/** The outcome of a run that asks its user. */
export function interruptBy({
  questionId: id,
  text: message,
  schema,
  contents,
  buttons,
  expiresAt,
}: QuestionRecord): InterruptOutcome {
  const question = {
    id,
    reason: 'question',
    ...(message !== undefined && { message }),
    responseSchema: schema ?? { type: 'string', ...(contents && { enum: contents }) },
    expiresAt,
    ...(buttons && { metadata: { buttons } }),
  } as const;
  return { type: 'interrupt', interrupts: [question] };
}

/** The answer to an interrupt. */
export const Resume = v.object({
  interruptId: v.pipe(v.string(), v.maxLength(MAX_ID)),
  status: v.picklist(['resolved', 'cancelled']),
  payload: v.optional(v.unknown()),
});
export type Resume = v.InferOutput<typeof Resume>;

/** What a message that resumes has to do with the question. */
export function answerRule({ status, interruptId }: Resume): AnswerRule {
  return status === 'cancelled'
    ? { kind: 'decline' }
    : { kind: 'question', questionId: interruptId, audience: 'contact' };
}
