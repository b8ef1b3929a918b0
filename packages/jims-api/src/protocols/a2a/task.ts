import { isJimsError } from 'jims-core';
import type { JimsError, NewEvent, RunEnd, RunStatus, Thread } from 'jims-core';

import { idIn } from '../../chat/external-ids.ts';
import { assistantText, buttonsOf, userText } from '../../chat/messages.ts';
import { usageOnWire } from '../../chat/usage.ts';
import { seesModels } from '../../chat/visibility.ts';
import { toHttpError } from '../../http/error-response.ts';
import type { Call } from '../../http/route.ts';
import { messageIdOf } from './decode.ts';
import type { Artifact, Message, Metadata, Task, TaskState, TaskStatus } from './wire.ts';

/** A2A's name in the external ids of its contexts: each context is a thread. */
export const PROTOCOL = 'a2a';

/** The id of the context that a thread is; a thread of another protocol is a context named by its id. */
export function contextIdOf({ id, externalId }: Thread): string {
  return idIn(PROTOCOL, externalId) ?? id;
}

/** The run that a task is. */
export interface TaskRun {
  readonly id: string;
  readonly thread: Thread;
  /** What the user said. */
  readonly question: NewEvent | undefined;
  /** Whether its caller sees which models were used. */
  readonly seesModels: boolean;
}

/** A run as the task that a caller sees. */
export function taskRun(
  { principal }: Pick<Call, 'principal'>,
  { id, thread }: Pick<TaskRun, 'id' | 'thread'>,
  question: NewEvent | undefined,
): TaskRun {
  return { id, thread, question, seesModels: seesModels(principal) };
}

/** How a task is shown. */
export interface TaskView {
  /** How many messages of its history, at most. */
  readonly historyLength?: number | undefined;
  /** The id of the request, when it is the one that started the run. */
  readonly requestId?: string;
  readonly exposeErrors: boolean;
}

const STATES: Readonly<Record<RunStatus, TaskState>> = {
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

/** A task that is not over. */
export function activeTask(
  run: TaskRun,
  status: 'queued' | 'running',
  { at, historyLength }: Pick<TaskView, 'historyLength'> & { readonly at?: string | undefined },
): Task {
  return {
    ...beginning(run, historyLength),
    status: { state: STATES[status], timestamp: timestamp(at) },
    metadata: metadataOf(run),
  };
}

/** A task that is over, with its answer. */
export function endedTask(
  run: TaskRun,
  end: RunEnd,
  view: TaskView & { readonly at?: string | undefined },
): Task {
  return {
    ...beginning(run, view.historyLength),
    status: statusOfEnd(run, end, view),
    artifacts: eventsOf(end).flatMap(artifactOf),
    metadata: metadataOf(run, end),
  };
}

/** How a task ended, for its last status. */
export function statusOfEnd(
  run: TaskRun,
  end: RunEnd,
  view: TaskView & { readonly at?: string | undefined },
): TaskStatus {
  const text = wordsOfEnd(end, view);
  return {
    state: STATES[statusOf(end)],
    timestamp: timestamp(view.at),
    ...(text !== undefined && { message: agentMessage(run, `${run.id}:end`, text) }),
  };
}

/** The metadata of a task: its thread, and at its end the models that it used. */
export function metadataOf({ thread, seesModels: isShown }: TaskRun, end?: RunEnd): Metadata {
  const usage = isShown && end?.type === 'result' ? end.result.usage : undefined;
  return { thread_id: thread.id, ...(usage && { usage: usage.map(usageOnWire) }) };
}

export function agentMessage(run: TaskRun, messageId: string, text: string): Message {
  return { messageId, role: 'ROLE_AGENT', parts: [{ text }], ...namesOf(run) };
}

/** What names the task in everything that is part of it. */
export function namesOf({ id, thread }: TaskRun): { taskId: string; contextId: string } {
  return { taskId: id, contextId: contextIdOf(thread) };
}

/** The part of an event beside its text: its buttons. */
export function artifactMetadata(event: NewEvent): { readonly metadata?: Metadata } {
  const buttons = buttonsOf(event);
  return buttons.length > 0 ? { metadata: { buttons } } : {};
}

/** UTC with milliseconds, as A2A has it. */
export function timestamp(at: string | undefined): string {
  return new Date(at ?? Date.now()).toISOString();
}

function beginning(
  run: TaskRun,
  historyLength: number | undefined,
): Pick<Task, 'id' | 'contextId' | 'history'> {
  const { id, question } = run;
  const names = namesOf(run);
  const task = { id, contextId: names.contextId };
  const text = question && userText(question);
  if (!question || text === undefined || historyLength === 0) return task;
  const messageId = messageIdOf(question) ?? id;
  return { ...task, history: [{ messageId, role: 'ROLE_USER', parts: [{ text }], ...names }] };
}

function artifactOf(event: NewEvent): Artifact[] {
  const text = assistantText(event);
  if (text === undefined) return [];
  return [{ artifactId: event.id, parts: [{ text }], ...artifactMetadata(event) }];
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
