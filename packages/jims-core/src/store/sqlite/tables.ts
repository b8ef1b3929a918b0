import { THREAD_CREATED, newEvent } from '../../thread/event.ts';
import type { NewEvent, ThreadEvent } from '../../thread/event.ts';
import { newId } from '../../thread/new-id.ts';
import type { NewThread, Thread } from '../../thread/thread.ts';
import { threadBusy, threadNotFound } from '../refusals.ts';
import type { ActiveRuns } from './active-runs.ts';
import type { EventRows } from './events.ts';
import type { RunRecords } from './run-records.ts';
import type { RunRows } from './runs.ts';
import type { NewThreadRow, ThreadRows } from './threads.ts';

/** The tables, each as its rows. */
export interface Tables {
  readonly threads: ThreadRows;
  readonly events: EventRows;
  readonly runs: RunRows;
  readonly active: ActiveRuns;
  readonly records: RunRecords;
}

/** A thread always begins with the event that says so. */
export function createThread(
  { threads, events }: Tables,
  row: NewThreadRow,
  more: readonly NewEvent[] = [],
): { thread: Thread; events: readonly ThreadEvent[] } {
  const thread = threads.insert(row);
  const first = [newEvent(THREAD_CREATED, {}), ...more];
  return { thread, events: events.appendAfter(undefined, thread.id, first) };
}

/** Gets a thread by its id or external id, or makes it. */
export function openThread(
  tables: Tables,
  { contactId, threadId, externalId, threadConfig = {} }: NewThread,
): { thread: Thread; created: boolean } {
  const existing =
    (threadId === undefined ? undefined : tables.threads.byId(threadId)) ??
    (externalId === undefined ? undefined : tables.threads.byExternalId(contactId, externalId));
  if (existing) return { thread: existing, created: false };
  const id = threadId ?? newId();
  const { thread } = createThread(tables, { id, contactId, externalId, config: threadConfig });
  return { thread, created: true };
}

/** @throws JimsError `thread_not_found`, `thread_busy`. */
export function appendTo(
  { threads, events, active }: Tables,
  threadId: string,
  { added, whenIdle }: { readonly added: readonly NewEvent[]; readonly whenIdle: boolean },
): readonly ThreadEvent[] {
  if (!threads.byId(threadId)) throw threadNotFound(threadId);
  if (whenIdle && active.count(threadId) > 0) throw threadBusy();
  return events.append(threadId, added);
}
