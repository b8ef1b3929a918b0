import { newId } from '../../new-id.ts';
import type { NewEvent, ThreadEvent } from '../../thread/event.ts';
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

  function make(
    given: Exclude<RunThread, { kind: 'thread' }>,
    {
      id = newId(),
      externalId,
      events = [],
    }: { id?: string | undefined; externalId?: string | undefined; events?: readonly NewEvent[] },
  ): FoundThread {
    const { contactId, threadConfig: config } = given;
    const made = createThread(tables, { id, contactId, externalId, config }, events);
    return { kind: 'found', thread: made.thread, first: made.events };
  }

  switch (target.kind) {
    case 'thread': {
      const thread = threads.byId(target.threadId);
      const foreign = target.contactId !== undefined && target.contactId !== thread?.contactId;
      return thread && !foreign ? { kind: 'found', thread } : { kind: 'thread_not_found' };
    }
    case 'latest': {
      const thread = threads.latestOf(target.contactId);
      return thread ? { kind: 'found', thread } : make(target, {});
    }
    case 'external': {
      const thread = threads.byExternalId(target.contactId, target.externalId);
      return thread ? { kind: 'found', thread } : make(target, target);
    }
    case 'new': {
      const { contactId, externalId, replaces, threadId: id = newId(), events } = target;
      if (externalId !== undefined) {
        const holder = threads.byExternalId(contactId, externalId);
        if (replaces !== undefined && holder?.id !== replaces) return { kind: 'thread_moved' };
        if (holder) threads.supersede(contactId, externalId, id);
      }
      return make(target, { id, externalId, events });
    }
  }
}
