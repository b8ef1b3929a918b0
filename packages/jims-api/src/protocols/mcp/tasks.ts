// Tasks: a call that takes long. A task is the run of the call, and the runs that answer its questions; it
// has the id of the first one, and outlives the process and the connection of its call.
import type { JsonObject, RunRecord } from 'jims-core';

import { chainOf } from '../../chat/run-chain.ts';
import type { RunChain } from '../../chat/run-chain.ts';
import { isActive, statusOf } from '../../chat/run-status.ts';
import { startRun } from '../../chat/start-run.ts';
import { contactInQuery, mayReach } from '../../http/contact.ts';
import { canonicalUuid } from '../../http/fastapi/uuid.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { rpcFailure } from '../json-rpc.ts';
import type { ClientAbilities } from './client-abilities.ts';
import { inputRequest } from './elicitation.ts';
import { encodeEnd } from './encode.ts';
import { responseTo } from './input-responses.ts';
import { lastWords } from './progress.ts';
import { complete, madeBy, resultOptions } from './stateless-result.ts';
import { answeringRun } from './take-answer.ts';

const POLL_MS = 1000;

/** What a request about a task says. */
export interface TaskRequest {
  readonly params: JsonObject;
  readonly client: ClientAbilities;
}

/** The result of a call that goes on as a task. */
export async function newTask(api: ApiContext, runId: string): Promise<object> {
  const first = await api.app.runs.record(runId);
  if (!first) throw taskNotFound(runId);
  const task = taskOf(await chainOf(api, first), first);
  return { resultType: 'task', ...task, status: 'working', _meta: madeBy(api.app) };
}

/** `tasks/get`: the task as it is now, with its result or its question. */
export async function getTask(
  api: ApiContext,
  call: Call,
  { params, client }: TaskRequest,
): Promise<object> {
  const first = await requireTask(api, call, params);
  const chain = await chainOf(api, first);
  return complete(api.app, await detailedTask(api, call, { first, chain, client }));
}

export interface TaskState {
  readonly status: 'working' | 'input_required' | 'completed' | 'cancelled';
  /** What the app says that it does. */
  readonly statusMessage?: string;
}

interface TaskOf {
  readonly first: RunRecord;
  readonly chain: RunChain;
  readonly client: ClientAbilities;
}

/** A task as it is now, with its result or its question. */
export async function detailedTask(api: ApiContext, call: Call, of: TaskOf): Promise<TaskState> {
  return { ...taskOf(of.chain, of.first), ...(await stateOf(api, call, of)) };
}

/**
 * `tasks/update`: what the user said to the question of the task. What is said to any other question is
 * left alone.
 */
export async function updateTask(
  api: ApiContext,
  call: Call,
  { params }: TaskRequest,
): Promise<object> {
  const { newest } = await chainOf(api, await requireTask(api, call, params));
  const { question } = newest;
  if (question?.state !== 'open' || question.audience !== 'contact') return complete(api.app, {});
  const response = responseTo(question, question.questionId, params);
  if (response?.kind === 'answer') {
    await startRun(
      api,
      { ...call, body: async () => params },
      answeringRun(question, response.message),
    );
  } else if (response) {
    await api.app.runs.cancel(question.runId);
  }
  return complete(api.app, {});
}

/** `tasks/cancel`: stops the run that is going on, or withdraws the question. */
export async function cancelTask(
  api: ApiContext,
  call: Call,
  { params }: TaskRequest,
): Promise<object> {
  const { newest } = await chainOf(api, await requireTask(api, call, params));
  await api.app.runs.cancel(newest.runId);
  return complete(api.app, {});
}

/** @throws HttpError `invalid_params` also for a task that is not the caller's. */
async function requireTask(
  api: ApiContext,
  call: Call,
  { taskId }: JsonObject,
): Promise<RunRecord> {
  const record = typeof taskId === 'string' ? await findTask(api, call, taskId) : undefined;
  if (record) return record;
  throw taskNotFound(taskId);
}

/** The run that a task of the caller's began with. */
export async function findTask(
  api: ApiContext,
  call: Call,
  taskId: string,
): Promise<RunRecord | undefined> {
  const runId = canonicalUuid(taskId);
  const record = runId === undefined ? undefined : await api.app.runs.record(runId);
  return record && mayReach(api, call, record.thread, contactInQuery(call)) ? record : undefined;
}

function taskNotFound(taskId: unknown): Error {
  const named = (JSON.stringify(taskId) ?? 'without an id').slice(0, 100);
  return rpcFailure('invalid_params', `There is no task ${named}`);
}

function taskOf({ newest }: RunChain, first: RunRecord): object {
  const { question, finishedAt, startedAt, acceptedAt } = newest;
  return {
    taskId: first.runId,
    createdAt: timestamp(first.acceptedAt),
    lastUpdatedAt: timestamp(question?.closedAt ?? finishedAt ?? startedAt ?? acceptedAt),
    ttlMs: null,
    pollIntervalMs: POLL_MS,
  };
}

function timestamp(at: string): string {
  return new Date(at).toISOString();
}

async function stateOf(
  api: ApiContext,
  call: Call,
  { first, chain: { earlier, newest }, client }: TaskOf,
): Promise<TaskState & { readonly inputRequests?: object; readonly result?: object }> {
  const status = statusOf(newest);
  const { question } = newest;
  if (isActive(status)) return working(api, newest.runId);
  if (status === 'cancelled' || question?.state === 'withdrawn') return { status: 'cancelled' };
  if (question?.state === 'open') {
    if (question.audience === 'service') return { status: 'working' };
    const { questionId } = question;
    if (client.asks) {
      return {
        status: 'input_required',
        inputRequests: { [questionId]: inputRequest(question) },
      };
    }
  }
  const run = await api.app.runs.find(newest.runId);
  if (!run) throw taskNotFound(first.runId);
  const result = await encodeEnd(first, await run.end, resultOptions(api, call, earlier));
  return { status: 'completed', result: { resultType: 'complete', ...result } };
}

/** What a run of another process says is known once this one has followed it for a moment. */
async function working({ app }: ApiContext, runId: string): Promise<TaskState> {
  const run = await app.runs.find(runId);
  const statusMessage = run && lastWords(run);
  return { status: 'working', ...(statusMessage !== undefined && { statusMessage }) };
}
