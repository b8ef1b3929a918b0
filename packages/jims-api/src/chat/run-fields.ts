// The members of request bodies that say how a run behaves, the same in every protocol.
import type { OnBusy } from 'jims-core';
import * as v from 'valibot';

import { fieldError } from '../http/fastapi/validation.ts';
import { described } from '../http/schema.ts';
import { isAllowedEventType } from './event-types.ts';
import type { ClientRunRequest, OnDisconnect } from './start-run.ts';

/** The size of the database column. */
const MAX_EVENT_TYPE = 255;

/** `<domain>.<name>`, the domain in lower case, no part empty, no spaces. */
const EVENT_TYPE = /^[a-z][a-z0-9_-]*(?:\.[^\s.]+)+$/;

export const eventType = v.pipe(
  v.string(),
  v.maxLength(MAX_EVENT_TYPE),
  v.regex(EVENT_TYPE),
  v.description('What the message is stored as, such as comm.user_button_click'),
);

/** How a run behaves when its thread is busy, when its client leaves, and when it takes long. */
export const runFields = {
  on_busy: described(
    v.optional(v.picklist(['queue', 'reject', 'interrupt'])),
    'What to do when the thread has a run already: `queue` (default) waits, `reject` is a 409, `interrupt` stops the other run',
  ),
  on_disconnect: described(
    v.optional(v.picklist(['continue', 'cancel']), 'continue'),
    'What happens to the run when the client closes the connection',
  ),
  timeout: described(
    v.optional(v.pipe(v.number(), v.minValue(0.001), v.maxValue(86_400))),
    'The most seconds that the pipeline may take, when that is less than the limit of the service',
  ),
};

export type RunOptions = Pick<ClientRunRequest, 'onBusy' | 'onDisconnect' | 'timeoutMs'>;

/** Converts {@link runFields} to the options of a run. */
export function runOptions({
  on_busy,
  on_disconnect,
  timeout,
}: {
  readonly on_busy?: OnBusy | undefined;
  readonly on_disconnect: OnDisconnect;
  readonly timeout?: number | undefined;
}): RunOptions {
  return {
    onDisconnect: on_disconnect,
    ...(on_busy && { onBusy: on_busy }),
    ...(timeout !== undefined && { timeoutMs: timeout * 1000 }),
  };
}

/** @throws HttpError 422 when clients may not send events of this type. */
export function requireAllowed(type: string, allowed: readonly string[]): void {
  if (isAllowedEventType(type, allowed)) return;
  const reason = 'clients may not send events of this type';
  throw fieldError('event_type', type, reason);
}
