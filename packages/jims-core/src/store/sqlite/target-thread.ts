import { THREAD_CREATED, newEvent } from '../../thread/event.ts';
import type { JsonObject, NewEvent, ThreadEvent } from '../../thread/event.ts';
import { newId } from '../../thread/new-id.ts';
import type { NewThread, Thread } from '../../thread/thread.ts';
import type { AcceptResult, RunThread } from '../store.ts';
import type { Tables } from './tables.ts';

/** The thread of a run, or why there is none. */
export type TargetThread =
  | FoundThread
  | Extract<AcceptResult, { kind: 'thread_not_found' | 'thread_moved' }>;

export interface FoundThread {
  readonly kind: 'found';
  readonly thread: Thread;
  /** Its first events, when it was made just now. */
  readonly first?: readonly ThreadEvent[];
}

/**
 * Gets a thread by its id or external id, or makes it.
 *
 * @throws JimsError `store_unavailable` while what an earlier thread of this id had is being erased.
 */
export function openThread(
  tables: Tables,
  { threadConfig = {}, ...spec }: NewThread,
): { thread: Thread; created: boolean } {
  const { contactId, threadId, externalId } = spec;
  const existing =
    (threadId === undefined ? undefined : tables.threads.byId(threadId)) ??
    (externalId === undefined ? undefined : tables.threads.byExternalId(contactId, externalId));
  if (existing) return { thread: existing, created: false };
  const { thread } = make(tables, { ...spec, threadConfig });
  return { thread, created: true };
}

/**
 * Finds or makes the thread that a run is for.
 *
 * @throws JimsError `store_unavailable` while what an earlier thread of this id had is being erased.
 */
export function findTargetThread(tables: Tables, target: RunThread): TargetThread {
  if (target.kind === 'new') return makeNew(tables, target);
  const thread = existingThread(tables, target);
  if (thread) return { kind: 'found', thread };
  return target.kind === 'thread' ? { kind: 'thread_not_found' } : make(tables, target);
}

/** The thread that a run is for, if it is there. */
export function existingThread({ threads }: Tables, target: RunThread): Thread | undefined {
  switch (target.kind) {
    case 'thread': {
      const thread = threads.byId(target.threadId);
      const isForeign = target.contactId !== undefined && target.contactId !== thread?.contactId;
      return isForeign ? undefined : thread;
    }
    case 'latest':
      return threads.latestOf(target.contactId);
    case 'external':
      return threads.byExternalId(target.contactId, target.externalId);
    case 'new':
      return undefined;
  }
}

type NewTarget = RunThread & { readonly kind: 'new' };

/** Takes the external id from its holder before the new thread is there: no two threads have it at once. */
function makeNew(tables: Tables, target: NewTarget): TargetThread {
  const { contactId, replaces, threadId = newId() } = target;
  const replaced = replacedBy(tables, target);
  if (replaces !== undefined && replaced?.id !== replaces) return { kind: 'thread_moved' };
  if (replaced) {
    tables.threads.supersede(replaced, threadId);
    tables.questions.closeReplaced(contactId, threadId);
  }
  return make(tables, { ...target, threadId });
}

/** The thread that has the external id of a new one, or that has none and is to be replaced. */
function replacedBy(
  { threads }: Tables,
  { contactId, externalId, replaces }: NewTarget,
): Thread | undefined {
  if (externalId !== undefined) return threads.byExternalId(contactId, externalId);
  const thread = replaces === undefined ? undefined : threads.byId(replaces);
  const isUnnamed = thread?.contactId === contactId && thread.externalId === undefined;
  return isUnnamed ? thread : undefined;
}

interface Beginning {
  readonly contactId: string;
  readonly threadConfig: JsonObject;
  readonly threadId?: string | undefined;
  readonly externalId?: string | undefined;
  readonly events?: readonly NewEvent[];
}

/** The first event of every thread is `THREAD_CREATED`. */
function make(
  { threads, events }: Tables,
  { contactId, threadConfig: config, threadId, externalId, events: more = [] }: Beginning,
): FoundThread {
  if (threadId !== undefined) threads.requireNotErasing(threadId);
  const thread = threads.insert({ id: threadId ?? newId(), contactId, externalId, config });
  const beginning = [newEvent(THREAD_CREATED, {}), ...more];
  const first = events.appendAfter(undefined, thread.id, beginning);
  return { kind: 'found', thread, first };
}
