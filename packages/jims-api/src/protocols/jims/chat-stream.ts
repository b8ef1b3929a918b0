import type { NumberedRunEvent, Run, RunPosition } from 'jims-core';

import type { ViewOptions } from '../../chat/visibility.ts';
import { errorBody, toHttpError } from '../../http/error-response.ts';
import { pythonJsonText } from '../../http/fastapi/json-pieces.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { chatResponse, said } from './chat-response.ts';
import { eventIdOf } from './event-ids.ts';
import type { Include } from './schemas.ts';

export interface ChatFramesOptions extends ViewOptions {
  /** What is told beyond the original's frames. */
  readonly include: ReadonlySet<Include>;
  /** Whether frames have ids, to join again after one of them. */
  readonly numbered: boolean;
  /** Begins after this position. */
  readonly after?: RunPosition | undefined;
}

/**
 * A run as the original's stream: `status` frames, then one `result` or `error`. Whatever is asked
 * for by `include` comes in between; a strict client sees the original's bytes.
 */
export async function* chatFrames(
  run: Run,
  options: ChatFramesOptions,
): AsyncGenerator<SseFrame, void, void> {
  const { include, numbered, after } = options;
  if (include.has('thread') && !after) {
    const { thread, createdThread, id } = run;
    yield frame('thread', {
      thread_id: thread.id,
      created_new_thread: createdThread,
      run_id: id,
    });
  }
  for await (const event of run.listen({ after })) {
    const encoded = encode(run, event, options);
    if (encoded) yield numbered && hasId(event) ? { id: eventIdOf(event), ...encoded } : encoded;
  }
}

/** A run that goes on in another process is joined there after the last event that has an id. */
function hasId(event: NumberedRunEvent): boolean {
  return event.type !== 'cancelled' || !event.goesOn;
}

function encode(
  run: Run,
  event: NumberedRunEvent,
  options: ChatFramesOptions,
): SseFrame | undefined {
  const { include, sees, numbered } = options;
  switch (event.type) {
    case 'restarted':
      // Without ids nothing can be joined, and the original has no such frame.
      return numbered ? frame('restarted', { attempt: event.attempt }) : undefined;
    case 'status': {
      const { message, statusType } = event.status;
      return frame('status', { status: message, type: statusType });
    }
    case 'delta': {
      const { messageId, delta } = event;
      return include.has('delta') ? frame('delta', { message_id: messageId, delta }) : undefined;
    }
    case 'event': {
      const { id, type, data } = event.event;
      if (!include.has('event') || !sees(type)) return undefined;
      return frame('event', { event_id: id, event_type: type, event_data: data });
    }
    case 'result':
      return frame('result', chatResponse(run, event.result, options));
    case 'error':
      return frame('error', errorBody(toHttpError(event.error, options)));
    case 'cancelled': {
      const { reason, events } = event;
      return frame('cancelled', { run_id: run.id, reason, ...said(events, sees) });
    }
  }
}

function frame(event: string, data: object): SseFrame {
  return { event, data: pythonJsonText(data) };
}
