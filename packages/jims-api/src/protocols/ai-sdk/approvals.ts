// A question that is answered by yes or no, as a tool call that waits for the user's approval.
import { newEvent } from 'jims-core';
import type { NewEvent } from 'jims-core';
import * as v from 'valibot';

import {
  asListed,
  assistantText,
  buttonsOf,
  questionIdOf,
  userEvent,
} from '../../chat/messages.ts';

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
  | { readonly state: 'approval-requested'; readonly approval: { readonly id: string } }
  | {
      readonly state: 'approval-responded';
      readonly approval: { readonly id: string; readonly approved: boolean };
    }
);

/** The open question that an event asks; `undefined` when the answer is not yes or no. */
export function approvalPart(event: NewEvent): ApprovalPart | undefined {
  const id = questionIdOf(event);
  if (id === undefined || !asksYesOrNo(event)) return undefined;
  return {
    type: 'dynamic-tool',
    toolName: 'question',
    toolCallId: id,
    title: assistantText(event) ?? '',
    input: {},
    providerExecuted: true,
    state: 'approval-requested',
    approval: { id },
  };
}

function asksYesOrNo(event: NewEvent): boolean {
  const ids = buttonsOf(event).map((button) => button.id);
  return ids.length === 2 && ids.includes('yes') && ids.includes('no');
}

/**
 * The part of a question after the user has said something: `undefined` when that was neither yes nor no,
 * but their own words.
 */
export function answeredPart(
  part: ApprovalPart,
  { type, data }: NewEvent,
): ApprovalPart | undefined {
  const { content } = data;
  const isClick = type === 'comm.user_button_click' && (content === 'yes' || content === 'no');
  if (!isClick) return undefined;
  const approval = { id: part.approval.id, approved: content === 'yes' };
  return { ...part, state: 'approval-responded', approval };
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

/** The click that an approval or a denial is; the client does not list it as a message. */
export function clickOf({ id, approved, reason }: ApprovalResponse, eventType?: string): NewEvent {
  const { type, data } = userEvent(approved ? 'btn:yes' : 'btn:no', eventType, id);
  const said = reason === undefined ? data : { ...data, reason };
  return asListed(newEvent(type, said), null);
}
