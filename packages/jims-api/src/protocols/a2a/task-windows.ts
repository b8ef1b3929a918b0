// The tasks of many contexts in the order of their last change. The runs of a thread are in the order of its log
// alone, so they are read in windows: some contexts, and in each some of its newest messages.
import type { EventPosition, JimsApp, ThreadRun } from 'jims-core';

import { statusOf } from '../../chat/run-status.ts';
import type { WindowPosition } from './list-request.ts';
import { stateOfQuestion } from './question.ts';
import { STATES } from './task.ts';
import type { TaskState } from './wire.ts';

/** How many contexts one window has. */
const CONTEXTS = 200;

export const FIRST_WINDOW: WindowPosition = { contexts: undefined, runs: undefined };

/** A task as far as lists sort and choose it. */
export interface TaskEntry {
  readonly taskId: string;
  readonly state: TaskState;
  /** When it came into that state. */
  readonly changedAt: string;
  /** The window that it was found in. */
  readonly window: WindowPosition;
}

/** Whose tasks are listed: those of some threads, or all of a contact, or of everybody. */
export type ListedThreads =
  | { readonly threadIds: readonly string[] }
  | { readonly contactId: string | undefined };

/** Some tasks, those that changed last first. */
export interface TaskWindow {
  readonly entries: readonly TaskEntry[];
  /** Where the next window begins; `undefined` at the end. */
  readonly next: WindowPosition | undefined;
}

/** Reads a window; its work is bounded, whatever there is. */
export async function readWindow(
  app: JimsApp,
  listed: ListedThreads,
  window: WindowPosition,
): Promise<TaskWindow> {
  const { contexts, runs: before } = window;
  const { threadIds, after } = await threadsOf(app, listed, contexts);
  const { runs, next } = await app.runs.listOf(threadIds, before);
  return {
    entries: runs.flatMap((run) => entryOf(run, window)).toSorted(lastChangeFirst),
    next: next ? { contexts, runs: next } : after && { contexts: after, runs: undefined },
  };
}

async function threadsOf(
  app: JimsApp,
  listed: ListedThreads,
  before: EventPosition | undefined,
): Promise<{ readonly threadIds: readonly string[]; readonly after: EventPosition | undefined }> {
  if ('threadIds' in listed) return { threadIds: listed.threadIds, after: undefined };
  const { contactId } = listed;
  const { threads, more } = await app.threads.list({
    limit: CONTEXTS,
    ...(contactId !== undefined && { contactId }),
    ...(before && { before }),
  });
  const last = more ? threads.at(-1) : undefined;
  return {
    threadIds: threads.map(({ id }) => id),
    after: last && { createdAt: last.lastEventAt, id: last.id },
  };
}

/** The task whose newest run this is; none for a run that its task has gone on from. */
function entryOf(run: ThreadRun, window: WindowPosition): TaskEntry[] {
  const { question, chainId: taskId } = run;
  if (question?.answeredBy !== undefined) return [];
  const state = question ? stateOfQuestion(question) : STATES[statusOf(run)];
  return [{ taskId, state, changedAt: question?.closedAt ?? changeOf(run), window }];
}

function changeOf({ finishedAt, startedAt, acceptedAt }: ThreadRun): string {
  return finishedAt ?? startedAt ?? acceptedAt;
}

/** Where a task is in the order of a list. */
export function positionOf({ taskId: id, changedAt: createdAt }: TaskEntry): EventPosition {
  return { id, createdAt };
}

/** Whether a task comes after a position in the order of a list; every task, where that is its beginning. */
export function isAfter(
  { changedAt, taskId }: TaskEntry,
  before: EventPosition | undefined,
): boolean {
  if (!before) return true;
  return changedAt === before.createdAt ? taskId < before.id : changedAt < before.createdAt;
}

function lastChangeFirst(one: TaskEntry, other: TaskEntry): number {
  return isAfter(one, positionOf(other)) ? 1 : -1;
}
