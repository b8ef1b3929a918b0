// What was said, read from events: the same for every protocol.
import { isInternalEvent } from 'jims-core';
import type { NewEvent, Principal } from 'jims-core';

import type { ErrorAnswerOptions } from '../http/error-response.ts';
import type { ApiContext, Call } from '../http/route.ts';

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

/** How a run is told to its caller. */
export interface TellOptions extends ErrorAnswerOptions {
  readonly sees: Sees;
  /** Whether the caller sees which models were used. */
  readonly seesModels: boolean;
}

/** How the caller of a request is told about its run. */
export function tellOptions(
  { exposeErrors }: Pick<ApiContext, 'exposeErrors'>,
  { requestId, principal }: Call,
): TellOptions {
  return { requestId, exposeErrors, sees: visibleTo(principal), seesModels: seesModels(principal) };
}

/** A service sees all but what is internal; a contact what was said, and no more. */
export function visibleTo({ kind }: Principal): Sees {
  return kind === 'service' ? isNotInternal : isCommunicationType;
}

/** Which models an app uses, and what they cost, is for services. */
export function seesModels({ kind }: Principal): boolean {
  return kind === 'service';
}

function isNotInternal(type: string): boolean {
  return !isInternalEvent(type);
}

function isCommunicationType(type: string): boolean {
  return type.startsWith('comm.');
}

/** True for an event of the app's own, neither a message nor internal, that a caller may see. */
export function isAppEvent({ type }: NewEvent, sees: Sees): boolean {
  return sees(type) && !isCommunicationType(type);
}

function toButton(value: unknown): SaidButton[] {
  if (typeof value !== 'object' || value === null) return [];
  const { text, id, callback_data }: Record<string, unknown> = { ...value };
  if (typeof text !== 'string') return [];
  const name = [id, callback_data].find((each) => typeof each === 'string');
  return [{ text, id: name ?? text }];
}
