// What the caller of a request may see of a run.
import { isInternalEvent } from 'jims-core';
import type { NewEvent, Principal } from 'jims-core';

import { errorOptions } from '../http/error-response.ts';
import type { ErrorAnswerOptions } from '../http/error-response.ts';
import type { ApiContext, Call } from '../http/route.ts';

/** Whether a caller may see events of a type. */
export type Sees = (eventType: string) => boolean;

/** How a run is shown to its caller. */
export interface ViewOptions extends ErrorAnswerOptions {
  readonly sees: Sees;
  /** Whether the caller sees which models were used. */
  readonly seesModels: boolean;
  /** Whether the caller sees what steps do, and what services are asked. */
  readonly seesWork: boolean;
}

/** How the run of a request is shown to its caller. */
export function viewOptions(api: Pick<ApiContext, 'exposeErrors'>, call: Call): ViewOptions {
  return { ...errorOptions(api, call), ...viewOf(call.principal) };
}

/** What of its runs a caller sees. */
export function viewOf(
  principal: Principal,
): Pick<ViewOptions, 'sees' | 'seesModels' | 'seesWork'> {
  return {
    sees: visibleTo(principal),
    seesModels: seesModels(principal),
    seesWork: principal.kind === 'service',
  };
}

/** A service sees everything that is not internal; a contact sees messages only. */
export function visibleTo({ kind }: Principal): Sees {
  return kind === 'service' ? isNotInternal : isCommunicationType;
}

/** Only services see which models an app uses, and what they cost. */
export function seesModels({ kind }: Principal): boolean {
  return kind === 'service';
}

function isNotInternal(type: string): boolean {
  return !isInternalEvent(type);
}

function isCommunicationType(type: string): boolean {
  return type.startsWith('comm.');
}

/** True for an event of the app's own, not a message, that a caller may see. */
export function isAppEvent({ type }: NewEvent, sees: Sees): boolean {
  return sees(type) && !isCommunicationType(type);
}
