import { setImmediate } from 'node:timers/promises';

import { externalIdIn } from '../../chat/external-ids.ts';
import { chainOf } from '../../chat/run-chain.ts';
import { contactInQuery, contactOf } from '../../http/contact.ts';
import { canonicalUuid } from '../../http/fastapi/uuid.ts';
import { lookUpInTurn } from '../../http/reading-turns.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { decodeList, toToken } from './list-request.ts';
import type { ListRequest, WindowPosition } from './list-request.ts';
import { PROTOCOL, contextIdOf } from './task-run.ts';
import { FIRST_WINDOW, isAfter, positionOf, readWindow } from './task-windows.ts';
import type { ListedThreads, TaskEntry } from './task-windows.ts';
import { taskOf } from './tasks.ts';
import type { Task } from './wire.ts';

/** How many windows one request reads at most. */
const MAX_WINDOWS = 3;
/** How many tasks are read at once. */
const AT_ONCE = 8;
/** A page ends with the tasks that go beyond so many characters of JSON. */
const PAGE_CHARS = 1024 * 1024;
/** How many contexts of one id are looked at: each contact may have one. */
const NAMED_ALIKE = 200;

/** A page of tasks. */
export interface TaskList {
  readonly tasks: readonly Task[];
  readonly nextPageToken: string;
  readonly pageSize: number;
  readonly totalSize: number;
}

/** ListTasks: the tasks that the caller may get, those that changed last first. */
export async function listTasks(api: ApiContext, call: Call, params: unknown): Promise<TaskList> {
  const request = decodeList(params);
  return lookUpInTurn(api, call, async () => {
    const found = await findEntries(api, await threadsFor(api, call, request), request);
    const { tasks, taken } = await readTasks(api, call, found.entries, request);
    return {
      tasks,
      nextPageToken: nextToken(found, taken),
      pageSize: request.pageSize,
      totalSize: found.totalSize,
    };
  });
}

/** A contact's own threads, and for a service those that `GetTask` gives it. */
async function threadsFor(
  { app }: ApiContext,
  call: Call,
  { contactId: named, contextId }: ListRequest,
): Promise<ListedThreads> {
  const contactId = contactOf(call, contactInQuery(call) ?? named);
  if (contextId === undefined) return { contactId };
  const { threads } = await app.threads.list({
    limit: NAMED_ALIKE,
    externalId: externalIdIn(PROTOCOL, contextId),
    ...(contactId !== undefined && { contactId }),
  });
  // A thread of another protocol is a context that is named by its id.
  const threadId = canonicalUuid(contextId);
  const other = threadId === undefined ? undefined : await app.threads.find(threadId);
  const isContext =
    other !== undefined &&
    contextIdOf(other.thread) === threadId &&
    (contactId === undefined || other.thread.contactId === contactId);
  const ids = threads.map(({ id }) => id);
  return { threadIds: [...new Set(isContext ? [...ids, other.thread.id] : ids)] };
}

interface Found {
  /** Those of the page, and at least one more where there are more. */
  readonly entries: readonly TaskEntry[];
  /** Where the list goes on after all of them; `undefined` at its end. */
  readonly next: WindowPosition | undefined;
  readonly totalSize: number;
}

/** Finds the tasks of a page. The first page counts, too, as far as one request looks. */
async function findEntries(
  { app }: ApiContext,
  threads: ListedThreads,
  request: ListRequest,
): Promise<Found> {
  const { from, pageSize } = request;
  const entries: TaskEntry[] = [];
  let next: WindowPosition | undefined = from?.window ?? FIRST_WINDOW;
  for (let count = 0; next && count < MAX_WINDOWS; count++) {
    if (from && entries.length > pageSize) break;
    const after = count === 0 ? from?.after : undefined;
    const read = await readWindow(app, threads, next);
    entries.push(
      ...read.entries.filter((entry) => isWanted(entry, request) && isAfter(entry, after)),
    );
    next = read.next;
    await setImmediate();
  }
  return { entries, next, totalSize: from?.totalSize ?? entries.length };
}

function isWanted({ state, changedAt }: TaskEntry, { status, changedFrom }: ListRequest): boolean {
  if (status !== undefined && state !== status) return false;
  return changedFrom === undefined || Date.parse(changedAt) >= changedFrom;
}

/** Reads the tasks of a page, and gives how many entries it has taken for that. */
async function readTasks(
  api: ApiContext,
  call: Call,
  entries: readonly TaskEntry[],
  { pageSize, status, historyLength, includeArtifacts }: ListRequest,
): Promise<{ readonly tasks: readonly Task[]; readonly taken: number }> {
  async function read({ taskId }: TaskEntry): Promise<Task | undefined> {
    const first = await api.app.runs.record(taskId);
    if (!first) return undefined;
    const { task } = await taskOf(api, call, { chain: await chainOf(api, first), historyLength });
    const { artifacts = [], ...rest } = task;
    return includeArtifacts ? { ...rest, artifacts } : rest;
  }

  const tasks: Task[] = [];
  const wanted = Math.min(pageSize, entries.length);
  let taken = 0;
  for (let chars = 0; taken < wanted && chars < PAGE_CHARS; taken += AT_ONCE) {
    const found = await Promise.all(
      entries.slice(taken, Math.min(taken + AT_ONCE, wanted)).map(read),
    );
    for (const task of found) {
      // It may have changed meanwhile.
      if (!task || (status !== undefined && task.status.state !== status)) continue;
      chars += JSON.stringify(task).length;
      tasks.push(task);
    }
    await setImmediate();
  }
  return { tasks, taken: Math.min(taken, wanted) };
}

function nextToken({ entries, next, totalSize }: Found, taken: number): string {
  const last = entries[taken - 1];
  const following = entries[taken];
  if (following) {
    const after = last?.window === following.window ? positionOf(last) : undefined;
    return toToken({ window: following.window, after, totalSize });
  }
  return next ? toToken({ window: next, after: undefined, totalSize }) : '';
}
