import { isJimsError } from 'jims-core';
import type { JimsError, NewEvent, QuestionRecord, RunEnd, RunStatus } from 'jims-core';

import { assistantText } from '../../chat/messages.ts';
import { usageOnWire } from '../../chat/usage.ts';
import { toHttpError } from '../../http/error-response.ts';
import { statusOfQuestion } from './question.ts';
import { artifactOf, artifactsBefore, beginning } from './talk.ts';
import { agentMessage, timestamp } from './task-run.ts';
import type { TaskRun } from './task-run.ts';
import type { Metadata, Task, TaskState, TaskStatus } from './wire.ts';

/** How a task is shown. */
export interface TaskView {
  /** How many messages of its history, at most. */
  readonly historyLength?: number | undefined;
  /** The id of the request, when it is the one that started the run. */
  readonly requestId?: string;
  readonly exposeErrors: boolean;
  /** The question that it ended with, as it is now; default: as it was then. */
  readonly question?: QuestionRecord | undefined;
}

/** The state of a task whose newest run has this status, and has not asked. */
export const STATES: Readonly<Record<RunStatus, TaskState>> = {
  queued: 'TASK_STATE_SUBMITTED',
  running: 'TASK_STATE_WORKING',
  completed: 'TASK_STATE_COMPLETED',
  failed: 'TASK_STATE_FAILED',
  cancelled: 'TASK_STATE_CANCELED',
};

/** A task as the OpenAPI document shows it. */
export const EXAMPLE_TASK: Task = {
  id: '0190d3a0-abcd-7222-8333-444444444446',
  contextId: 'chat-1',
  status: { state: 'TASK_STATE_COMPLETED', timestamp: '2026-11-24T08:00:00.000Z' },
  artifacts: [
    { artifactId: '0190d3a0-abcd-7222-8333-444444444447', parts: [{ text: 'You said: Hello' }] },
  ],
  metadata: { thread_id: '0190d3a0-abcd-7222-8333-444444444445' },
};

/** A task whose newest run is not over. */
export function activeTask(
  run: TaskRun,
  status: 'queued' | 'running',
  { at, historyLength }: Pick<TaskView, 'historyLength'> & { readonly at?: string | undefined },
): Task {
  return {
    ...beginning(run, historyLength),
    status: { state: STATES[status], timestamp: timestamp(at) },
    ...(run.earlier.length > 0 && { artifacts: artifactsBefore(run) }),
    metadata: metadataOf(run),
  };
}

/** A task whose newest run is over, with all answers. */
export function endedTask(
  run: TaskRun,
  end: RunEnd,
  view: TaskView & { readonly at?: string | undefined },
): Task {
  const question = questionOf(end, view);
  const closed = question?.state === 'open' ? undefined : question;
  return {
    ...beginning(run, view.historyLength, closed),
    status: statusOfEnd(run, end, view),
    artifacts: [
      ...artifactsBefore(run),
      ...eventsOf(end).flatMap((event) => artifactOf(event, run)),
    ],
    metadata: metadataOf(run, end),
  };
}

/** How the newest run of a task ended, for its last status. */
export function statusOfEnd(
  run: TaskRun,
  end: RunEnd,
  view: TaskView & { readonly at?: string | undefined },
): TaskStatus {
  const question = questionOf(end, view);
  const status = question
    ? statusOfQuestion(run, question, view.at)
    : {
        state: STATES[statusOf(end)],
        timestamp: timestamp(view.at),
        ...messageOfEnd(run, end, view),
      };
  return run.answersInStatus ? withAnswers(status, run, eventsOf(end)) : status;
}

function questionOf(end: RunEnd, view: TaskView): QuestionRecord | undefined {
  return view.question ?? (end.type === 'result' ? end.result.question : undefined);
}

/** A status whose message has the answers, and then its own words. */
function withAnswers(status: TaskStatus, run: TaskRun, events: readonly NewEvent[]): TaskStatus {
  const said = events.filter((event) => assistantText(event) !== undefined);
  const answers = said.flatMap((event) => artifactOf(event, run));
  const last = answers.at(-1);
  if (!last) return status;
  const { message } = status;
  const parts = answers.flatMap((answer) => answer.parts);
  const base = message ?? agentMessage(run, `${last.artifactId}:status`, '');
  return { ...status, message: { ...base, parts: [...parts, ...(message?.parts ?? [])] } };
}

/** The metadata of a task: its thread, and at its end the models that it used. */
export function metadataOf({ thread, seesModels: isShown }: TaskRun, end?: RunEnd): Metadata {
  const usage = isShown && end?.type === 'result' ? end.result.usage : undefined;
  return { thread_id: thread.id, ...(usage && { usage: usage.map(usageOnWire) }) };
}

function statusOf(end: RunEnd): 'completed' | 'failed' | 'cancelled' {
  switch (end.type) {
    case 'result':
      return 'completed';
    case 'error':
      return 'failed';
    case 'cancelled':
      return 'cancelled';
  }
}

function eventsOf(end: RunEnd): readonly NewEvent[] {
  switch (end.type) {
    case 'result':
      return end.result.events;
    case 'error':
      return [];
    case 'cancelled':
      return end.events;
  }
}

function messageOfEnd(run: TaskRun, end: RunEnd, view: TaskView): Pick<TaskStatus, 'message'> {
  const text = wordsOfEnd(end, view);
  return text === undefined ? {} : { message: agentMessage(run, `${run.id}:end`, text) };
}

function wordsOfEnd(end: RunEnd, view: TaskView): string | undefined {
  if (end.type === 'error') return wordsOfError(end.error, view);
  if (end.type === 'result') return undefined;
  return WORDS_OF_CANCEL[end.reason];
}

const WORDS_OF_CANCEL = {
  cancelled: undefined,
  interrupted: 'A newer message took its place',
  disconnected: 'Its client left: send it again',
  shutting_down: 'The service was shut down: send it again',
} as const;

/** The id in the message finds the failure in the log; a request that only looks later has another one. */
function wordsOfError(error: JimsError, { requestId, exposeErrors }: TaskView): string {
  const later = requestId === undefined && isJimsError(error) && error.code === 'pipeline_failed';
  if (later && !(exposeErrors && error.cause !== undefined)) return 'Pipeline error';
  return toHttpError(error, { requestId: requestId ?? '', exposeErrors }).message;
}
