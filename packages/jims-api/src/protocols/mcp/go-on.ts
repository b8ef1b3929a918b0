// The runs of a call: the one that it begins, and the one with which it goes on after a question.
import type { JsonObject, QuestionRecord, RunRecord } from 'jims-core';

import { chainOf } from '../../chat/run-chain.ts';
import { statusOf } from '../../chat/run-status.ts';
import { leavingOf, startRun } from '../../chat/start-run.ts';
import type { OnDisconnect, ReadRun } from '../../chat/start-run.ts';
import { contactInQuery, mayReach } from '../../http/contact.ts';
import { HttpError } from '../../http/errors.ts';
import { isJsonObject } from '../../http/json-object.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { decodeCall } from './arguments.ts';
import type { ClientAbilities } from './client-abilities.ts';
import type { FirstRun } from './encode.ts';
import { responseTo } from './input-responses.ts';
import { openState, stateRefused } from './request-state.ts';
import { inputKey } from './stateless-result.ts';
import { answeringRun } from './take-answer.ts';

/** A call whose run is read: one that it started, or one that its answer to a question started. */
export interface Going extends ReadRun {
  /** The run that the first call of several began. */
  readonly first: FirstRun & { readonly id: string };
  /** The runs in between. */
  readonly earlier: readonly RunRecord[];
}

/** The result of a call for which there is nothing to wait. */
export interface Settled {
  readonly result: object;
}

/** Starts the run of a call. A closed connection stops it, unless it may become a task or come again. */
export async function begin(
  api: ApiContext,
  call: Call,
  { args, client }: { readonly args: unknown; readonly client: ClientAbilities },
): Promise<Going> {
  const request = decodeCall(api, call, { args, session: undefined });
  const read = await startRun(
    api,
    { ...call, body: async () => args },
    { ...request, onDisconnect: leavingBy(client) },
  );
  return { ...read, first: read.run, earlier: [] };
}

function leavingBy({ knowsTasks }: ClientAbilities): OnDisconnect {
  return knowsTasks ? 'continue' : 'cancel_unless_keyed';
}

/** How the caller is shown what a call comes to. */
interface Showing {
  asked(runId: string, question: QuestionRecord): object;
  said(of: Pick<Going, 'first' | 'earlier'>, end: Awaited<ReadRun['run']['end']>): Promise<object>;
}

interface CallAgain {
  readonly args: unknown;
  readonly params: JsonObject;
  readonly client: ClientAbilities;
  readonly answer: Showing;
}

/**
 * Goes on with a call that is sent again with the answer to its question. When the question was answered
 * before, by the same call whose result was lost, the run that goes on is read once more.
 *
 * @throws HttpError, JimsError when the question is not open.
 */
export async function goOn(
  api: ApiContext,
  call: Call,
  { args, params, client, answer }: CallAgain,
): Promise<Going | Settled> {
  const state = openState(api, call, { args, state: params['requestState'] });
  const { first, question } = await callOf(api, call, { args, ...state });
  if (question.answeredBy !== undefined) {
    const { runs } = api.app;
    const [run, record] = await Promise.all([
      runs.find(question.answeredBy),
      runs.record(question.answeredBy),
    ]);
    if (!run || !record) throw stateRefused();
    if (statusOf(record) === 'cancelled') throw stopped();
    const leave = run.attach(leavingOf(call, leavingBy(client)));
    return goingOn(api, { run, leave }, first);
  }
  if (question.state !== 'open') {
    throw new HttpError(409, 'The question is not open any more', { code: 'question_closed' });
  }
  const response = responseTo(question, inputKey(question), params);
  if (!response) return { result: answer.asked(first.runId, question) };
  if (response.kind === 'refusal') return withdraw(api, { first, question, answer });
  const { inputResponses } = params;
  const request = answeringRun(question, response.message);
  const read = await startRun(
    api,
    { ...call, body: async () => ({ args, inputResponses }) },
    { ...request, onDisconnect: leavingBy(client) },
  );
  return goingOn(api, read, first);
}

/** What its client closed before the end cannot go on: the answer was taken. */
function stopped(): HttpError {
  const message = 'The call was stopped after its question was answered: begin it again';
  return new HttpError(409, message, { code: 'cancelled' });
}

/** The run that a call began with, and the question that it waits with, where the caller may reach them. */
async function callOf(
  { app, sharedThreads }: ApiContext,
  call: Call,
  {
    args,
    runId,
    questionId,
  }: { readonly args: unknown; readonly runId: string; readonly questionId: string },
): Promise<{ readonly first: RunRecord; readonly question: QuestionRecord }> {
  const [first, question] = await Promise.all([
    app.runs.record(runId),
    app.questions.find(questionId),
  ]);
  const contactId = isJsonObject(args) ? args['contact_id'] : undefined;
  const named = contactInQuery(call) ?? (typeof contactId === 'string' ? contactId : undefined);
  const isTheirs =
    question?.audience === 'contact' &&
    question.threadId === first?.thread.id &&
    mayReach({ sharedThreads }, call, question, named || undefined);
  if (!first || !question || !isTheirs) throw stateRefused();
  return { first, question };
}

async function goingOn(api: ApiContext, read: ReadRun, first: RunRecord): Promise<Going> {
  const { earlier, newest } = await chainOf(api, first);
  const runs = [...earlier, newest];
  const index = runs.findIndex(({ runId }) => runId === read.run.id);
  return { ...read, first: beginning(first), earlier: index < 0 ? runs : runs.slice(0, index) };
}

/** The user does not answer: the call ends with what was said. */
async function withdraw(
  api: ApiContext,
  {
    first,
    question,
    answer,
  }: {
    readonly first: RunRecord;
    readonly question: QuestionRecord;
    readonly answer: Showing;
  },
): Promise<Settled> {
  await api.app.runs.cancel(question.runId);
  const run = await api.app.runs.find(question.runId);
  if (!run) throw stateRefused();
  const { earlier, first: begun } = await goingOn(api, { run, leave: () => {} }, first);
  const end = await run.end;
  return { result: await answer.said({ first: begun, earlier }, end) };
}

function beginning({ runId: id, thread, createdThread }: RunRecord): Going['first'] {
  return { id, thread, createdThread };
}
