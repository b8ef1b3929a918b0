import type { NewEvent, Run, RunEnd } from 'jims-core';

import { assistantText, buttonsOf, questionIdOf } from '../../chat/messages.ts';
import { plainTextEvents } from '../../chat/text-stream.ts';
import type { TextDelta } from '../../chat/text-stream.ts';
import { isAppEvent } from '../../chat/visibility.ts';
import { GrowingAnswer } from './growing-answer.ts';
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
  const names = namesOf(task.of);
  const begun = new Set<string>();
  const answer = task.of.answersInStatus ? new GrowingAnswer() : undefined;
  let statuses = 0;

  /** `ends`: the message whose last piece this is; of a streamed message that is not known. */
  function update(
    artifactId: string,
    parts: readonly Part[],
    ends: NewEvent | undefined,
  ): StreamResponse {
    const append = begun.has(artifactId);
    begun.add(artifactId);
    const artifact = { artifactId, parts, ...(ends && artifactMetadata(ends)) };
    return { artifactUpdate: { ...names, artifact, append, lastChunk: ends !== undefined } };
  }

  function working(parts: readonly Part[], type: string): StreamResponse {
    const message = { ...agentMessage(task.of, `${run.id}:${++statuses}`, ''), parts };
    const status = {
      state: 'TASK_STATE_WORKING',
      timestamp: timestamp(undefined),
      message,
    } as const;
    return { statusUpdate: { ...names, status, metadata: { type } } };
  }

  function* textUpdates({ messageId, delta, ends, whole }: TextDelta): Generator<StreamResponse> {
    if (whole && questionIdOf(whole) !== undefined) return;
    const isLast = ends && partsBesideText(ends, task.of).length === 0;
    yield update(messageId, [{ text: delta }], isLast ? ends : undefined);
    const grown = answer?.add(messageId, delta);
    if (grown && !ends) yield working(grown, 'answer');
  }

  /** Sources and files, or buttons without text: an artifact has at least one part. */
  function* besideText(sent: NewEvent): Generator<StreamResponse> {
    if (questionIdOf(sent) !== undefined) return;
    if (isAppEvent(sent, task.of.sees)) {
      const [artifact] = artifactOf(sent, task.of);
      if (artifact)
        yield { artifactUpdate: { ...names, artifact, append: false, lastChunk: true } };
      return;
    }
    const parts = partsBesideText(sent, task.of);
    const hasButtonsAlone = assistantText(sent) === '' && buttonsOf(sent).length > 0;
    if (parts.length > 0) yield update(sent.id, parts, sent);
    else if (hasButtonsAlone) yield update(sent.id, [{ text: '' }], sent);
  }

  yield task.begin;
  for await (const event of plainTextEvents(run)) {
    switch (event.type) {
      case 'status': {
        const { message, statusType } = event.status;
        yield working([{ text: message }], statusType);
        break;
      }
      case 'text_delta':
        yield* textUpdates(event);
        break;
      case 'event':
        yield* besideText(event.event);
        break;
      case 'result':
      case 'error':
      case 'cancelled': {
        if (!(await isOver(event))) throw new Error('The run goes on in another process');
        const status = statusOfEnd(task.of, event, view);
        yield { statusUpdate: { ...names, status, metadata: metadataOf(task.of, event) } };
        break;
      }
      default:
      // Sources and files come with the event of their message.
    }
  }
}
