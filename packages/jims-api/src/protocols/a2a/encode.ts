import type { NewEvent, Run, RunEnd } from 'jims-core';

import { assistantText, buttonsOf } from '../../chat/messages.ts';
import { plainTextEvents } from '../../chat/text-stream.ts';
import type { TextDelta } from '../../chat/text-stream.ts';
import { SLOT, templateOf } from '../../http/fastapi/json-pieces.ts';
import type { Text } from '../../http/fastapi/json-pieces.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { artifactMetadata, partsBesideText } from './talk.ts';
import { agentMessage, namesOf, timestamp } from './task-run.ts';
import type { TaskRun } from './task-run.ts';
import { metadataOf, statusOfEnd } from './task.ts';
import type { TaskView } from './task.ts';
import type { Part, StreamResponse, Task } from './wire.ts';

/** Puts an event of a stream into a frame of the binding. */
export type ToFrame = (response: StreamResponse) => SseFrame;

export interface TaskFramesOptions {
  readonly view: TaskView;
  readonly toFrame: ToFrame;
  /** Whether this end of the run is the truth, or only that of listening to it. */
  readonly isOver: (end: RunEnd) => Promise<boolean>;
}

/** Writes the pieces of an artifact that are neither its first nor its last one. */
type WritePiece = (text: string) => SseFrame;

/**
 * A run as the stream of a task: the task, then what happens, then how it ended. Throws when what is
 * known of the run ends before the run does: that stream must break off.
 */
export async function* taskFrames(
  run: Run,
  task: { readonly first: Task; readonly of: TaskRun },
  { view, toFrame, isOver }: TaskFramesOptions,
): AsyncGenerator<SseFrame, void, void> {
  const names = namesOf(task.of);
  const begun = new Set<string>();
  const writers = new Map<string, WritePiece>();
  let statuses = 0;

  /** `ends`: the message whose last piece this is; of a streamed message that is not known. */
  function update(
    artifactId: string,
    parts: readonly Part[],
    ends: NewEvent | undefined,
  ): SseFrame {
    const append = begun.has(artifactId);
    begun.add(artifactId);
    const artifact = { artifactId, parts, ...(ends && artifactMetadata(ends)) };
    const lastChunk = ends !== undefined;
    return toFrame({ artifactUpdate: { ...names, artifact, append, lastChunk } });
  }

  function pieceWriter(artifactId: string): WritePiece {
    const known = writers.get(artifactId);
    if (known) return known;
    const artifact = { artifactId, parts: [{ text: SLOT }] };
    const piece = toFrame({
      artifactUpdate: { ...names, artifact, append: true, lastChunk: false },
    });
    const json = templateOf(textOf(piece.data));
    const write: WritePiece = (text) => ({ ...piece, data: json(text) });
    writers.set(artifactId, write);
    return write;
  }

  function textUpdate({ messageId, delta, ends }: TextDelta): SseFrame {
    const isLast = ends && partsBesideText(ends, task.of).length === 0;
    if (begun.has(messageId) && !isLast) return pieceWriter(messageId)(delta);
    return update(messageId, [{ text: delta }], isLast ? ends : undefined);
  }

  /** Sources and files, or buttons without text: an artifact has at least one part. */
  function* besideText(sent: NewEvent): Generator<SseFrame> {
    const parts = partsBesideText(sent, task.of);
    const hasButtonsAlone = assistantText(sent) === '' && buttonsOf(sent).length > 0;
    if (parts.length > 0) yield update(sent.id, parts, sent);
    else if (hasButtonsAlone) yield update(sent.id, [{ text: '' }], sent);
  }

  yield toFrame({ task: task.first });
  for await (const event of plainTextEvents(run)) {
    switch (event.type) {
      case 'status': {
        const { message, statusType } = event.status;
        const said = agentMessage(task.of, `${run.id}:${++statuses}`, message);
        const state = 'TASK_STATE_WORKING';
        const status = { state, timestamp: timestamp(undefined), message: said } as const;
        yield toFrame({ statusUpdate: { ...names, status, metadata: { type: statusType } } });
        break;
      }
      case 'text_delta':
        yield textUpdate(event);
        break;
      case 'event':
        yield* besideText(event.event);
        break;
      case 'result':
      case 'error':
      case 'cancelled': {
        if (!(await isOver(event))) throw new Error('The run goes on in another process');
        const status = statusOfEnd(task.of, event, view);
        const metadata = metadataOf(task.of, event);
        yield toFrame({ statusUpdate: { ...names, status, metadata } });
        break;
      }
      default:
      // Sources and files come with the event of their message.
    }
  }
}

function textOf(data: Text): string {
  return typeof data === 'string' ? data : [...data].join('');
}
