import { newId } from '../../new-id.ts';
import type { ThreadEvent } from '../../thread/event.ts';
import type { Thread } from '../../thread/thread.ts';
import type { RunThread } from '../store.ts';
import { createThread } from './tables.ts';
import type { Tables } from './tables.ts';

export interface ResolvedThread {
  readonly thread: Thread;
  /** The events that it begins with, when it was made just now. */
  readonly first?: readonly ThreadEvent[];
}

const NOTHING_GIVEN = { threadId: undefined, externalId: undefined, events: [] };

/** Finds or makes the thread that a run is for; `undefined` when it is not there or not the contact's. */
export function resolveThread(tables: Tables, target: RunThread): ResolvedThread | undefined {
  const { threads } = tables;
  if (target.kind === 'thread') {
    const thread = threads.byId(target.threadId);
    const foreign = target.contactId !== undefined && target.contactId !== thread?.contactId;
    return thread && !foreign ? { thread } : undefined;
  }
  const { contactId, threadConfig: config } = target;
  const latest = target.kind === 'latest' ? threads.latestOf(contactId) : undefined;
  if (latest) return { thread: latest };
  const given = target.kind === 'new' ? target : NOTHING_GIVEN;
  const { threadId: id = newId(), externalId, events: more } = given;
  const made = createThread(tables, { id, contactId, externalId, config }, more);
  return { thread: made.thread, first: made.events };
}
