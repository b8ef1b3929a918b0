// What was said, read from events: the same for every protocol.
import { isInternalEvent } from 'jims-core';
import type { NewEvent, Principal } from 'jims-core';

export interface SaidButton {
  readonly text: string;
  readonly id: string;
}

/** The text of a message by the assistant, buttons or not; `undefined` for any other event. */
export function assistantText({ type, data }: NewEvent): string | undefined {
  if (!type.startsWith('comm.') || data['role'] !== 'assistant') return undefined;
  return typeof data['content'] === 'string' ? data['content'] : undefined;
}

/** What the user said, or the button that he clicked; `undefined` for any other event. */
export function userText({ type, data }: NewEvent): string | undefined {
  if (!type.startsWith('comm.') || data['role'] !== 'user') return undefined;
  return typeof data['content'] === 'string' ? data['content'] : undefined;
}

/** The buttons under a message: a list of them, or rows of lists. */
export function buttonsOf({ type, data }: NewEvent): SaidButton[] {
  const { role, buttons } = data;
  if (!type.startsWith('comm.') || role === 'user') return [];
  return Array.isArray(buttons) ? buttons.flat().flatMap(toButton) : [];
}

/** Which types of events a caller may see. */
export type Sees = (eventType: string) => boolean;

/** A service sees all but what is internal; a contact what was said, and no more. */
export function visibleTo({ kind }: Principal): Sees {
  return kind === 'service' ? (type) => !isInternalEvent(type) : isCommunicationType;
}

function isCommunicationType(type: string): boolean {
  return type.startsWith('comm.');
}

/** True for an event of the app's own: neither a message nor internal. Protocols may show it. */
export function isAppEvent({ type }: NewEvent): boolean {
  return !type.startsWith('comm.') && !isInternalEvent(type);
}

function toButton(value: unknown): SaidButton[] {
  if (typeof value !== 'object' || value === null) return [];
  const { text, id, callback_data }: Record<string, unknown> = { ...value };
  if (typeof text !== 'string') return [];
  const name = [id, callback_data].find((each) => typeof each === 'string');
  return [{ text, id: name ?? text }];
}
