// What was said in a task: its history and its artifacts.
import type { MessageSource, NewEvent, QuestionRecord, RunRecord } from 'jims-core';

import { filesOf, sourcesOf } from '../../chat/message-members.ts';
import { assistantText, buttonsOf, questionIdOf, userText } from '../../chat/messages.ts';
import { isAppEvent } from '../../chat/visibility.ts';
import { messageIdOf } from './decode.ts';
import { questionMessage } from './question.ts';
import { namesOf } from './task-run.ts';
import type { TaskRun } from './task-run.ts';
import type { Artifact, Message, Metadata, Part, Task } from './wire.ts';

/** The names of a task, and the last messages of its history; `closed`: the question that it ended with. */
export function beginning(
  run: TaskRun,
  historyLength: number | undefined,
  closed?: QuestionRecord,
): Pick<Task, 'id' | 'contextId' | 'history'> {
  const { id, earlier, question } = run;
  const task = { id, contextId: namesOf(run).contextId };
  const all = [
    ...earlier.flatMap((record) => talkIn(run, record)),
    ...saidBy(run, question),
    ...askedBy(run, closed),
  ];
  const history =
    historyLength === undefined ? all : all.slice(Math.max(0, all.length - historyLength));
  return history.length > 0 ? { ...task, history } : task;
}

/** What was said in an earlier run of a task, its question last. */
function talkIn(run: TaskRun, { incoming, question }: RunRecord): Message[] {
  return [...saidBy(run, incoming), ...askedBy(run, question)];
}

function askedBy(run: TaskRun, question: QuestionRecord | undefined): Message[] {
  return question?.audience === 'contact' ? [questionMessage(run, question)] : [];
}

function saidBy(run: TaskRun, question: NewEvent | undefined): Message[] {
  const text = question && userText(question);
  if (!question || text === undefined) return [];
  const messageId = messageIdOf(question) ?? question.id;
  const files = fileParts(question, run);
  const parts = text === '' && files.length > 0 ? files : [{ text }, ...files];
  return [{ messageId, role: 'ROLE_USER', parts, ...namesOf(run) }];
}

/** The artifacts of the runs before the newest one. */
export function artifactsBefore(run: TaskRun): Artifact[] {
  return run.earlier.flatMap(({ events }) => events).flatMap((event) => artifactOf(event, run));
}

/**
 * The artifact that a message of the assistant is, or an event of the app's own; none for other events. A
 * question is not a result: it is the message of a status, and front ends show both.
 */
export function artifactOf(event: NewEvent, run: Pick<TaskRun, 'addressOf' | 'sees'>): Artifact[] {
  const { id: artifactId, type: name, data } = event;
  if (isAppEvent(event, run.sees)) return [{ artifactId, name, parts: [{ data }] }];
  const text = assistantText(event);
  if (text === undefined || questionIdOf(event) !== undefined) return [];
  const beside = partsBesideText(event, run);
  const parts = text === '' && beside.length > 0 ? beside : [{ text }, ...beside];
  return [{ artifactId, parts, ...artifactMetadata(event) }];
}

/** The sources of a message of the assistant, then its files; none for other events. */
export function partsBesideText(
  event: NewEvent,
  { addressOf }: Pick<TaskRun, 'addressOf'>,
): Part[] {
  if (assistantText(event) === undefined) return [];
  return [...sourcesOf(event).map(sourcePart), ...fileParts(event, { addressOf })];
}

function fileParts(event: NewEvent, { addressOf }: Pick<TaskRun, 'addressOf'>): Part[] {
  return filesOf(event).map(({ file_id: id, name: filename, media_type: mediaType }) => ({
    url: addressOf(id),
    filename,
    mediaType,
  }));
}

/** A2A has no part of its own for what something in an answer comes from. */
function sourcePart({ url, title, excerpt }: MessageSource): Part {
  const data = {
    url,
    ...(title !== undefined && { title }),
    ...(excerpt !== undefined && { excerpt }),
  };
  return { data, metadata: { type: 'source' } };
}

/** What an event has beside its parts: its buttons. */
export function artifactMetadata(event: NewEvent): { readonly metadata?: Metadata } {
  const buttons = buttonsOf(event);
  return buttons.length > 0 ? { metadata: { buttons } } : {};
}
