import type { RunPosition } from 'jims-core';

import { lastEventIdInvalid } from '../../http/last-event-id.ts';

const ID = /^(?:(\d{1,9})\.)?(\d{1,9})$/;

/** The id of an event of a run's stream: `<attempt>.<number>`. */
export function eventIdOf({ attempt, seq }: RunPosition): string {
  return `${attempt}.${seq}`;
}

/**
 * Reads what {@link eventIdOf} wrote. A number alone is of the first attempt; `undefined` for 0, which is
 * before all events.
 *
 * @throws HttpError 400 `last_event_id_invalid`.
 */
export function positionOf(id: string): RunPosition | undefined {
  const [, attempt = '1', seq] = ID.exec(id) ?? [];
  if (seq === undefined || Number(attempt) === 0) throw lastEventIdInvalid();
  if (!id.includes('.') && Number(seq) === 0) return undefined;
  return { attempt: Number(attempt), seq: Number(seq) };
}
