import type { JsonObject, NewEvent, ThreadEvent } from '../../thread/event.ts';
import { newId } from '../../thread/new-id.ts';
import type { Thread } from '../../thread/thread.ts';
import type { AcceptResult, RunThread } from '../store.ts';
import { createThread } from './tables.ts';
import type { Tables } from './tables.ts';

/** The thread of a run, or why there is none. */
export type ResolvedThread =
  | FoundThread
  | Extract<AcceptResult, { kind: 'thread_not_found' | 'thread_moved' }>;

export interface FoundThread {
  readonly kind: 'found';
  readonly thread: Thread;
  /** The events that it begins with, when it was made just now. */
  readonly first?: readonly ThreadEvent[];
}

/** Finds or makes the thread that a run is for. */
export function resolveThread(tables: Tables, target: RunThread): ResolvedThread {
  const { threads } = tables;
  switch (target.kind) {
    case 'thread': {
      const thread = threads.byId(target.threadId);
      const foreign = target.contactId !== undefined && target.contactId !== thread?.contactId;
      return thread && !foreign ? { kind: 'found', thread } : { kind: 'thread_not_found' };
    }
    case 'latest':
      return found(threads.latestOf(target.contactId)) ?? make(tables, target);
    case 'external':
      return (
        found(threads.byExternalId(target.contactId, target.externalId)) ?? make(tables, target)
      );
    case 'new':
      return makeNew(tables, target);
  }
}

/** The external id goes over to it before it is there: nobody sees that both have it. */
function makeNew(tables: Tables, target: RunThread & { kind: 'new' }): ResolvedThread {
  const { contactId, externalId, replaces, threadId = newId() } = target;
  if (externalId !== undefined) {
    const holder = tables.threads.byExternalId(contactId, externalId);
    if (replaces !== undefined && holder?.id !== replaces) return { kind: 'thread_moved' };
    if (holder) tables.threads.supersede(contactId, externalId, threadId);
  }
  return make(tables, { ...target, threadId });
}

interface Beginning {
  readonly contactId: string;
  readonly threadConfig: JsonObject;
  readonly threadId?: string;
  readonly externalId?: string;
  readonly events?: readonly NewEvent[];
}

function make(
  tables: Tables,
  { contactId, threadConfig: config, threadId: id = newId(), externalId, events }: Beginning,
): FoundThread {
  const made = createThread(tables, { id, contactId, externalId, config }, events);
  return { kind: 'found', thread: made.thread, first: made.events };
}

function found(thread: Thread | undefined): FoundThread | undefined {
  return thread && { kind: 'found', thread };
}
