import type { NumberedRunEvent, Run, RunPosition } from 'jims-core';

import { visibleWork } from '../../chat/steps.ts';
import type { ViewOptions } from '../../chat/visibility.ts';
import { errorBody, toHttpError } from '../../http/error-response.ts';
import { SLOT, pythonJsonTemplate, pythonJsonText } from '../../http/fastapi/json-pieces.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { Expansion } from '../../http/sse/ready-iterator.ts';
import type { ReadyIterable } from '../../http/sse/ready-iterator.ts';
import { chatResponse, said } from './chat-response.ts';
import type { ChatResponseOptions } from './chat-response.ts';
import { eventIdOf } from './event-ids.ts';
import type { Include } from './schemas.ts';

const deltaData = pythonJsonTemplate({ message_id: SLOT, delta: SLOT });

/** What keeps a silent stream alive, for clients that cannot see comments; `undefined` for a comment. */
export function heartbeatFor(include: ReadonlySet<Include>): SseFrame | undefined {
  return include.has('heartbeat') ? { event: 'heartbeat', data: '{}' } : undefined;
}

/** What the original's stream does not have. */
type ExtraEvent = Extract<NumberedRunEvent, { readonly type: Include }>;

const EXTRA: ReadonlySet<string> = new Set<ExtraEvent['type']>([
  'delta',
  'reasoning',
  'tool',
  'source',
  'file',
  'step',
  'event',
]);

export interface ChatFramesOptions extends ViewOptions, ChatResponseOptions {
  /** What is sent beyond the original's frames. */
  readonly include: ReadonlySet<Include>;
  /** Whether frames have ids, to join again after one of them. */
  readonly numbered: boolean;
  /** Begins after this position. */
  readonly after?: RunPosition | undefined;
}

/**
 * A run as the original's stream: `status` frames, then one `result` or `error`. What `include` asks
 * for comes in between; a strict client sees the original's bytes.
 */
export function chatFrames(run: Run, options: ChatFramesOptions): ReadyIterable<SseFrame> {
  const { include, numbered, after } = options;
  const first: SseFrame[] = [];
  if (include.has('thread') && !after) {
    const { thread, createdThread, id } = run;
    const data = { thread_id: thread.id, created_new_thread: createdThread, run_id: id };
    first.push(frame('thread', data));
  }
  return new Expansion(
    run.listen({ after }),
    (event) => {
      const encoded = encode(run, event, options);
      if (!encoded) return [];
      return [numbered && hasId(event) ? { id: eventIdOf(event), ...encoded } : encoded];
    },
    { first },
  );
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
  if (isExtra(event)) return include.has(event.type) ? extraFrame(run, event, options) : undefined;
  switch (event.type) {
    case 'restarted':
      // Without ids nothing can be joined, and the original has no such frame.
      return numbered ? frame('restarted', { attempt: event.attempt }) : undefined;
    case 'status': {
      const { message, statusType } = event.status;
      return frame('status', { status: message, type: statusType });
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

function isExtra(event: NumberedRunEvent): event is ExtraEvent {
  return EXTRA.has(event.type);
}

function extraFrame(
  { id: runId }: Run,
  event: ExtraEvent,
  { sees, seesWork }: ChatFramesOptions,
): SseFrame | undefined {
  switch (event.type) {
    case 'delta':
    case 'reasoning':
      return { event: event.type, data: deltaData(event.messageId, event.delta) };
    case 'step': {
      const step = visibleWork(event.step, { runId, seesWork });
      return step && frame('step', step);
    }
    case 'tool': {
      const tool = visibleWork(event.tool, { runId, seesWork });
      return tool && frame('tool', { message_id: event.messageId, ...tool });
    }
    case 'source':
      return frame('source', { message_id: event.messageId, ...event.source });
    case 'file':
      return frame('file', { message_id: event.messageId, ...event.file });
    case 'event': {
      const { id, type, data } = event.event;
      const sent = { event_id: id, event_type: type, event_data: data };
      return sees(type) ? frame('event', sent) : undefined;
    }
  }
}

function frame(event: string, data: object): SseFrame {
  return { event, data: pythonJsonText(data) };
}
