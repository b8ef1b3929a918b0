// `subscriptions/listen`: a stream that says how tasks go on, until all of them are over.
import { setTimeout as sleep } from 'node:timers/promises';

import { isJimsError } from 'jims-core';
import type { JsonObject, RunRecord } from 'jims-core';

import { closedQuestion } from '../../chat/question-closed.ts';
import { chainOf } from '../../chat/run-chain.ts';
import { countedContact } from '../../chat/start-run.ts';
import { openStream } from '../../chat/stream-run.ts';
import { isJsonObject } from '../../http/json-object.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { rpcFailure, rpcResult } from '../json-rpc.ts';
import type { RpcId } from '../json-rpc.ts';
import { requireTasks } from './client-abilities.ts';
import type { ClientAbilities } from './client-abilities.ts';
import { messageFrame, wordsOf } from './progress.ts';
import { madeBy } from './stateless-result.ts';
import { detailedTask, findTask } from './tasks.ts';
import type { TaskState } from './tasks.ts';

const MAX_TASKS = 100;
/** How long the store may take to know that a run is over. */
const SETTLE_MS = 1000;

interface Listening {
  readonly id: RpcId;
  readonly params: JsonObject;
  readonly client: ClientAbilities;
}

/**
 * Answers with a stream: which tasks it is about, each of them as it is now, then each change. Of other
 * notifications there are none: then the stream ends at once.
 *
 * Each task counts as a stream, as it costs one.
 *
 * @throws HttpError 400 for tasks of a client that does not know them, 429 and 503 for too many.
 */
export function listenToTasks(
  api: ApiContext,
  call: Call,
  { id, params, client }: Listening,
): Promise<Response> {
  const taskIds = taskIdsIn(params);
  if (taskIds.length > 0) requireTasks(client);
  return openStream(api, call, async () => {
    const over = new AbortController();
    over.signal.addEventListener('abort', enterMore(api, call, taskIds.length - 1));
    try {
      const found = await Promise.all(taskIds.map((taskId) => findTask(api, call, taskId)));
      const known = found.flatMap((task) => task?.runId ?? []);
      return {
        frames: framesOf(api, call, { id, client, taskIds: known, signal: over.signal }),
        onClose: () => over.abort(),
      };
    } catch (error) {
      over.abort();
      throw error;
    }
  });
}

/** Counts more streams of the caller; all of them, or none. */
function enterMore({ streams }: ApiContext, call: Call, count: number): () => void {
  const entered: (() => void)[] = [];
  const leave = (): void => entered.forEach((each) => each());
  try {
    while (entered.length < count) entered.push(streams.enter(countedContact(call)));
    return leave;
  } catch (error) {
    leave();
    throw error;
  }
}

function taskIdsIn({ notifications }: JsonObject): readonly string[] {
  if (!isJsonObject(notifications)) {
    throw rpcFailure('invalid_params', 'notifications must be an object');
  }
  const { taskIds = [] } = notifications;
  const isList = Array.isArray(taskIds) && taskIds.every((each) => typeof each === 'string');
  if (isList && taskIds.length <= MAX_TASKS) return [...new Set<string>(taskIds)];
  throw rpcFailure('invalid_params', `taskIds must be a list of at most ${MAX_TASKS} strings`);
}

interface Feed {
  readonly id: RpcId;
  readonly client: ClientAbilities;
  readonly taskIds: readonly string[];
  /** Aborts when nobody reads any more: what waits for a run cannot return before. */
  readonly signal: AbortSignal;
}

async function* framesOf(
  api: ApiContext,
  call: Call,
  { id, client, taskIds, signal }: Feed,
): AsyncGenerator<SseFrame, void, void> {
  const meta = { 'io.modelcontextprotocol/subscriptionId': id };
  const notify = (method: string, params: object): SseFrame =>
    messageFrame({ jsonrpc: '2.0', method, params: { ...params, _meta: meta } });
  const notifications = taskIds.length > 0 ? { taskIds } : {};
  yield notify('notifications/subscriptions/acknowledged', { notifications });
  const feeds = taskIds.map((taskId) => statesOf(api, call, { taskId, client, signal }));
  try {
    for await (const task of merged(feeds)) yield notify('notifications/tasks', task);
  } catch (error) {
    if (!isJimsError(error) || error.code !== 'shutting_down') throw error;
  }
  const end = { resultType: 'complete', _meta: { ...madeBy(api.app), ...meta } };
  yield messageFrame(rpcResult(id, end));
}

/** A task as it is now, and after each change, to its end. */
async function* statesOf(
  api: ApiContext,
  call: Call,
  { taskId, client, signal }: Pick<Feed, 'client' | 'signal'> & { readonly taskId: string },
): AsyncGenerator<object, void, void> {
  for (let last = ''; !signal.aborted;) {
    const first = await api.app.runs.record(taskId);
    if (!first) return;
    const chain = await chainOf(api, first);
    const { newest } = chain;
    const task = await detailedTask(api, call, { first, chain, client });
    const now = `${task.status} ${newest.runId}`;
    if (now !== last) yield task;
    // The store may know later than the run that it is over.
    else await pause(SETTLE_MS, signal);
    last = now;
    if (task.status !== 'working' && task.status !== 'input_required') return;
    if (!(yield* untilChange(api, { task, newest, signal }))) return;
  }
}

/** What a run says that it does, until it is over or its question is closed; false when nobody learns that. */
async function* untilChange(
  api: ApiContext,
  {
    task,
    newest,
    signal,
  }: {
    readonly task: TaskState;
    readonly newest: RunRecord;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<object, boolean, void> {
  const { question } = newest;
  if (question?.state === 'open') {
    return (await closedQuestion(api.app, question, signal)) !== undefined;
  }
  const run = await api.app.runs.find(newest.runId);
  if (!run) return false;
  let last = task.statusMessage;
  for await (const event of run.listen()) {
    if (signal.aborted) return false;
    const statusMessage = wordsOf(event) ?? last;
    if (statusMessage !== last) yield { ...task, statusMessage };
    last = statusMessage;
  }
  const end = await run.end;
  return end.type !== 'cancelled' || !end.goesOn;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal }).catch(() => {});
}

/** What comes from any of the sources, as it comes. */
async function* merged<T>(
  sources: readonly AsyncGenerator<T, void, void>[],
): AsyncGenerator<T, void, void> {
  const items = new Map<(typeof sources)[number], Promise<IteratorResult<T, void>>>();
  const ready: (typeof sources)[number][] = [];
  let more = Promise.withResolvers<void>();
  const take = (source: (typeof sources)[number]): void => {
    const item = source.next();
    const arrive = (): void => {
      ready.push(source);
      more.resolve();
    };
    items.set(source, item);
    item.then(arrive, arrive);
  };
  sources.forEach(take);
  try {
    while (items.size > 0) {
      const source = ready.shift();
      const item = source && (await items.get(source));
      if (!source || !item) {
        await more.promise;
        more = Promise.withResolvers<void>();
        continue;
      }
      items.delete(source);
      if (item.done) continue;
      yield item.value;
      take(source);
    }
  } finally {
    for (const source of items.keys()) void source.return().catch(() => {});
  }
}
