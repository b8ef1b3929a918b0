import type { NewEvent, Run, RunEnd } from 'jims-core';

import { assistantText, buttonsOf, questionIdOf } from '../../chat/messages.ts';
import { plainTextEvents } from '../../chat/text-stream.ts';
import type { TextDelta } from '../../chat/text-stream.ts';
import { isAppEvent } from '../../chat/visibility.ts';
import { artifactMetadata, artifactOf, partsBesideText } from './talk.ts';
import { agentMessage, namesOf, timestamp } from './task-run.ts';
import type { TaskRun } from './task-run.ts';
import { metadataOf, statusOfEnd } from './task.ts';
import type { TaskView } from './task.ts';
import type { Part, StreamResponse } from './wire.ts';

export interface TaskUpdatesOptions {
  readonly view: TaskView;
  /** Whether this end of the run is the truth, or only that of listening to it. */
  readonly isOver: (end: RunEnd) => Promise<boolean>;
}

/**
 * A run as the stream of a task: how that begins, then what happens, then how it ended. Throws when what is
 * known of the run ends before the run does: that stream must break off.
 */
export async function* taskUpdates(
  run: Run,
  task: { readonly begin: StreamResponse; readonly of: TaskRun },
  { view, isOver }: TaskUpdatesOptions,
): AsyncGenerator<StreamResponse, void, void> {
  const updates = new TaskUpdates(run.id, task.of);
  yield task.begin;
  for await (const event of plainTextEvents(run)) {
    switch (event.type) {
      case 'status':
        yield updates.working([{ text: event.status.message }], event.status.statusType);
        break;
      case 'text_delta':
        yield* updates.text(event);
        break;
      case 'event':
        yield* updates.besideText(event.event);
        break;
      case 'result':
      case 'error':
      case 'cancelled':
        if (!(await isOver(event))) throw new Error('The run goes on in another process');
        yield updates.ended(event, view);
        break;
      default:
      // Sources and files come with the event of their message.
    }
  }
}

class TaskUpdates {
  readonly #runId: string;
  readonly #task: TaskRun;
  readonly #names: ReturnType<typeof namesOf>;
  /** The artifacts of which something was sent. */
  readonly #begun = new Set<string>();
  readonly #answer: GrowingAnswer | undefined;
  #statuses = 0;

  constructor(runId: string, task: TaskRun) {
    this.#runId = runId;
    this.#task = task;
    this.#names = namesOf(task);
    this.#answer = task.answersInStatus ? new GrowingAnswer() : undefined;
  }

  working(parts: readonly Part[], type: string): StreamResponse {
    const id = `${this.#runId}:${++this.#statuses}`;
    const message = { ...agentMessage(this.#task, id, ''), parts };
    const at = { timestamp: timestamp(undefined), message };
    const status = { state: 'TASK_STATE_WORKING', ...at } as const;
    return { statusUpdate: { ...this.#names, status, metadata: { type } } };
  }

  *text({ messageId, delta, ends, whole }: TextDelta): Generator<StreamResponse> {
    if (whole && questionIdOf(whole) !== undefined) return;
    const isLast = ends && partsBesideText(ends, this.#task).length === 0;
    yield this.#artifact(messageId, [{ text: delta }], isLast ? ends : undefined);
    const grown = this.#answer?.add(messageId, delta);
    if (grown && !ends) yield this.working(grown, 'answer');
  }

  /** Sources and files, or buttons without text: an artifact has at least one part. */
  *besideText(sent: NewEvent): Generator<StreamResponse> {
    if (questionIdOf(sent) !== undefined) return;
    if (isAppEvent(sent, this.#task.sees)) {
      const [artifact] = artifactOf(sent, this.#task);
      const whole = { append: false, lastChunk: true };
      if (artifact) yield { artifactUpdate: { ...this.#names, artifact, ...whole } };
      return;
    }
    const parts = partsBesideText(sent, this.#task);
    const hasButtonsAlone = assistantText(sent) === '' && buttonsOf(sent).length > 0;
    if (parts.length > 0) yield this.#artifact(sent.id, parts, sent);
    else if (hasButtonsAlone) yield this.#artifact(sent.id, [{ text: '' }], sent);
  }

  ended(end: RunEnd, view: TaskView): StreamResponse {
    const status = statusOfEnd(this.#task, end, view);
    const metadata = metadataOf(this.#task, end);
    return { statusUpdate: { ...this.#names, status, metadata } };
  }

  /** `ends`: the message whose last piece this is; of a streamed message that is not known. */
  #artifact(
    artifactId: string,
    parts: readonly Part[],
    ends: NewEvent | undefined,
  ): StreamResponse {
    const append = this.#begun.has(artifactId);
    this.#begun.add(artifactId);
    const artifact = { artifactId, parts, ...(ends && artifactMetadata(ends)) };
    return { artifactUpdate: { ...this.#names, artifact, append, lastChunk: ends !== undefined } };
  }
}

/** How much longer than last time the text is when it is said again: all that is said is five times the text. */
const GROWTH = 1.25;
/** A longer text comes with the last status alone. */
const MAX_CHARS = 16 * 1024;

/** The text of answers as it grows, for clients that show the message of a status. */
class GrowingAnswer {
  /** By message. */
  readonly #texts = new Map<string, string>();
  #chars = 0;
  #said = 0;

  /** Adds a piece, and gives the whole text if it is time to say that again. */
  add(messageId: string, piece: string): readonly Part[] | undefined {
    this.#chars += piece.length;
    if (this.#chars > MAX_CHARS) return undefined;
    this.#texts.set(messageId, (this.#texts.get(messageId) ?? '') + piece);
    if (this.#chars < this.#said * GROWTH) return undefined;
    this.#said = this.#chars;
    return [...this.#texts.values()].map((text) => ({ text }));
  }
}
