import { isJsonObject } from '../../thread/event.ts';
import type { JsonObject, NewEvent, ThreadEvent } from '../../thread/event.ts';
import type { Thread } from '../../thread/thread.ts';

/** A thread as `jims.thread_json` makes it. */
export interface ThreadRow {
  readonly id: string;
  readonly contactId: string | null;
  readonly externalId: string | null;
  readonly createdAt: string;
  readonly config: unknown;
}

/** An event as `jims.event_json` makes it. */
export interface EventRow {
  readonly id: string;
  readonly createdAt: string;
  readonly type: string;
  readonly data: unknown;
}

/** An object as our functions make it: what it does not have is null. */
export type Row<T> = {
  readonly [Name in keyof T]-?: undefined extends T[Name]
    ? Exclude<T[Name], undefined> | null
    : T[Name];
};

/** What a row stands for: what is null in it is `undefined`. */
export function fromRow<T extends object>(row: Row<T>): T {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, value ?? undefined]),
  ) as T;
}

export function toThread({ id, contactId, externalId, createdAt, config }: ThreadRow): Thread {
  return {
    id,
    contactId: contactId ?? undefined,
    externalId: externalId ?? undefined,
    createdAt,
    config: toObject(config),
  };
}

export function toEvents(threadId: string, rows: readonly EventRow[]): readonly ThreadEvent[] {
  return rows.map(({ id, createdAt, type, data }) => ({
    id,
    threadId,
    createdAt,
    type,
    data: toObject(data),
  }));
}

/** New events as the log has them, by the times that the database gave them. */
export function withTimes(
  threadId: string,
  events: readonly NewEvent[],
  times: readonly string[],
): readonly ThreadEvent[] {
  return events.map(({ id, type, data }, index) => {
    const createdAt = times[index];
    if (createdAt === undefined) throw new TypeError('An event was appended without a time');
    return { id, threadId, createdAt, type, data };
  });
}

/** The columns hold objects, as both services write them; anything else is read as `{}`. */
function toObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}
