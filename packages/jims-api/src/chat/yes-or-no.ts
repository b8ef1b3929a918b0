// Questions that are answered by yes or no, for protocols whose clients approve and deny.
import { newEvent } from 'jims-core';
import type { NewEvent } from 'jims-core';

import { asListed, buttonsOf, userEvent } from './messages.ts';

/** What a user did instead of writing. */
export interface YesOrNo {
  /** The question. */
  readonly id: string;
  readonly approved: boolean;
  /** What they said to it. */
  readonly reason?: string | undefined;
}

/** Whether an event has the two buttons `yes` and `no`, and no other ones. */
export function asksYesOrNo(event: NewEvent): boolean {
  return areYesAndNo(buttonsOf(event));
}

/** As {@link asksYesOrNo}, of buttons. */
export function areYesAndNo(buttons: readonly { readonly id?: unknown }[]): boolean {
  const ids = buttons.map((button) => button.id);
  return ids.length === 2 && ids.includes('yes') && ids.includes('no');
}

/**
 * The click on a button that an approval or a denial is. The client lists it among the user's messages as
 * `listedAs`; default: not at all.
 */
export function clickOf(
  { id, approved, reason }: YesOrNo,
  {
    eventType,
    listedAs = null,
  }: { readonly eventType?: string | undefined; readonly listedAs?: string | null } = {},
): NewEvent {
  const { type, data } = userEvent(approved ? 'btn:yes' : 'btn:no', eventType, id);
  const said = reason === undefined ? data : { ...data, reason };
  return asListed(newEvent(type, said), listedAs);
}
