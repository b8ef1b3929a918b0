// A question that is answered by yes or no, as a tool call that waits for the user's approval.
import type { NewEvent } from 'jims-core';
import * as v from 'valibot';

import { assistantText, questionIdOf } from '../../chat/messages.ts';
import { asksYesOrNo } from '../../chat/yes-or-no.ts';

/** Of a question that is open, or of one that was approved or denied. */
export type ApprovalPart = {
  readonly type: 'dynamic-tool';
  readonly toolName: 'question';
  readonly toolCallId: string;
  /** What is asked. */
  readonly title: string;
  readonly input: object;
  readonly providerExecuted: true;
} & (
  | { readonly state: 'approval-requested'; readonly approval: ApprovalRequest }
  | {
      readonly state: 'output-available';
      readonly approval: ApprovalRequest & { readonly approved: true };
      readonly output: 'yes';
    }
  | {
      readonly state: 'output-denied';
      readonly approval: ApprovalRequest & { readonly approved: false; readonly reason?: string };
    }
);

interface ApprovalRequest {
  readonly id: string;
  /** What is asked, for pages that show no title. */
  readonly requestReason: string;
}

/** The open question that an event asks; `undefined` when the answer is not yes or no. */
export function approvalPart(
  event: NewEvent,
): (ApprovalPart & { readonly state: 'approval-requested' }) | undefined {
  const id = questionIdOf(event);
  if (id === undefined || !asksYesOrNo(event)) return undefined;
  const title = assistantText(event) ?? '';
  return {
    type: 'dynamic-tool',
    toolName: 'question',
    toolCallId: id,
    title,
    input: {},
    providerExecuted: true,
    state: 'approval-requested',
    approval: { id, requestReason: title },
  };
}

/**
 * The part of a question after the user has said something: `undefined` when that was neither yes nor no,
 * but their own words.
 */
export function answeredPart(
  part: ApprovalPart,
  { type, data }: NewEvent,
): ApprovalPart | undefined {
  const { content, reason } = data;
  if (type !== 'comm.user_button_click') return undefined;
  if (content === 'yes') {
    const approval = { ...part.approval, approved: true } as const;
    return { ...part, state: 'output-available', approval, output: 'yes' };
  }
  if (content !== 'no') return undefined;
  const said = typeof reason === 'string' && { reason };
  return {
    ...part,
    state: 'output-denied',
    approval: { ...part.approval, approved: false, ...said },
  };
}

/** What a client sends of a part when its user has approved or denied. */
const Responded = v.object({
  type: v.literal('dynamic-tool'),
  state: v.literal('approval-responded'),
  approval: v.object({
    id: v.string(),
    approved: v.boolean(),
    reason: v.optional(v.string()),
  }),
});

/** What the user has approved or denied. */
export type ApprovalResponse = v.InferOutput<typeof Responded>['approval'];

/** The last response in the parts of a message, as those before it were sent with earlier requests. */
export function approvalResponse(parts: readonly unknown[]): ApprovalResponse | undefined {
  const part = parts.findLast((each) => v.is(Responded, each));
  return v.is(Responded, part) ? part.approval : undefined;
}
