// Questions as AG-UI has them: the run that asks ends with an interrupt, and the next one resumes it.
import type { AnswerRule, JsonObject, QuestionRecord } from 'jims-core';
import * as v from 'valibot';

import { areYesAndNo } from '../../chat/yes-or-no.ts';
import type { YesOrNo } from '../../chat/yes-or-no.ts';
import { parseJson } from '../../http/fastapi/parse-json.ts';

const MAX_ID = 256;

/** How a run ended that asks its user: a `resume` of the next run answers. */
export interface InterruptOutcome {
  readonly type: 'interrupt';
  readonly interrupts: readonly [Interrupt];
}

type Interrupt = {
  readonly id: string;
  readonly message?: string;
  readonly responseSchema: JsonObject;
  readonly expiresAt: string;
  readonly metadata?: { readonly buttons: readonly JsonObject[] };
} & (
  | { readonly reason: 'input_required' }
  /** A question of yes or no, which is a tool call, too. */
  | { readonly reason: 'tool_call'; readonly toolCallId: string }
);

/** What front ends send that know approvals of tools. */
const Approval = v.object({ approved: v.boolean(), reason: v.optional(v.string()) });

const APPROVAL_SCHEMA = {
  type: 'object',
  properties: { approved: { type: 'boolean' }, reason: { type: 'string' } },
  required: ['approved'],
};

/** The outcome of a run that asks its user. */
export function interruptBy(question: QuestionRecord): InterruptOutcome {
  const { questionId: id, text: message, schema, contents, buttons, expiresAt } = question;
  const common = {
    id,
    ...(message !== undefined && { message }),
    expiresAt,
    ...(buttons && { metadata: { buttons } }),
  };
  const interrupt: Interrupt = isApproval(question)
    ? { ...common, reason: 'tool_call', toolCallId: id, responseSchema: APPROVAL_SCHEMA }
    : {
        ...common,
        reason: 'input_required',
        responseSchema: schema ?? { type: 'string', ...(contents && { enum: contents }) },
      };
  return { type: 'interrupt', interrupts: [interrupt] };
}

/** Whether a question is shown as a tool call that is approved or denied. */
export function isApproval({ buttons = [] }: Pick<QuestionRecord, 'buttons'>): boolean {
  return areYesAndNo(buttons);
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

/** What the answer says of a question of yes or no: `{ approved, reason? }`, a boolean, or the JSON of one. */
export function approvalIn({ interruptId: id, status, payload }: Resume): YesOrNo | undefined {
  if (status === 'cancelled') return undefined;
  const value = typeof payload === 'string' ? parsed(payload) : payload;
  if (typeof value === 'boolean') return { id, approved: value };
  return v.is(Approval, value) ? { id, ...value } : undefined;
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
