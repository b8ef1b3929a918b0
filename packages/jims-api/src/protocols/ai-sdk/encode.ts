import type { Run, RunEvent } from 'jims-core';

import { toHttpError } from '../../http/error-response.ts';
import type { ErrorAnswerOptions } from '../../http/error-response.ts';
import type { SaidButton } from '../../http/said.ts';
import { assistantText, buttonsOf, isAppEvent } from '../../http/said.ts';
import type { SseFrame } from '../../http/sse.ts';
import { toldRun } from '../../http/told-run.ts';

/** What is sent of the UI message stream, version 1. */
type Chunk =
  | { readonly type: 'start'; readonly messageId: string; readonly messageMetadata: Metadata }
  | { readonly type: 'start-step' | 'finish-step' }
  | { readonly type: 'text-start' | 'text-end'; readonly id: string }
  | { readonly type: 'text-delta'; readonly id: string; readonly delta: string }
  | {
      readonly type: 'data-status';
      readonly data: { readonly status: string; readonly type: string };
      readonly transient: true;
    }
  | {
      readonly type: 'data-event';
      readonly data: { readonly event_type: string; readonly event_data: object };
      readonly transient: true;
    }
  | {
      readonly type: 'data-buttons';
      readonly data: { readonly message_id: string; readonly buttons: readonly SaidButton[] };
    }
  | { readonly type: 'finish'; readonly finishReason: 'stop'; readonly messageMetadata: Metadata }
  | { readonly type: 'abort'; readonly reason: string }
  | { readonly type: 'error'; readonly errorText: string };

/** Kept by the client with the message, and sent back with it. */
interface Metadata {
  readonly thread_id: string;
  readonly run_id: string;
}

const DONE: SseFrame = { data: '[DONE]' };

/** A run as one UI message, from its beginning: each message of the app is a text part of it. */
export async function* encodeStream(
  run: Run,
  options: ErrorAnswerOptions,
): AsyncGenerator<SseFrame, void, void> {
  const metadata: Metadata = { thread_id: run.thread.id, run_id: run.id };
  // Never the same for two answers: the client would put the second in the place of the first.
  yield frame({ type: 'start', messageId: run.id, messageMetadata: metadata });
  yield frame({ type: 'start-step' });
  const parts = createTextParts();
  for await (const event of toldRun(run)) {
    for (const chunk of chunksOf(event)) yield frame(chunk);
  }
  yield DONE;

  function* chunksOf(event: RunEvent): Generator<Chunk> {
    switch (event.type) {
      case 'status': {
        const { message, statusType } = event.status;
        const data = { status: message, type: statusType };
        return yield { type: 'data-status', data, transient: true };
      }
      case 'delta':
        return yield* parts.delta(event.messageId, event.delta);
      case 'event': {
        const { id, type, data } = event.event;
        const buttons = buttonsOf(event.event);
        yield* parts.whole(id, assistantText(event.event) ?? '');
        if (buttons.length > 0) {
          yield { type: 'data-buttons', data: { message_id: id, buttons } };
        }
        if (isAppEvent(event.event)) {
          const told = { event_type: type, event_data: data };
          yield { type: 'data-event', data: told, transient: true };
        }
        return;
      }
      case 'result':
        yield* parts.endAll();
        yield { type: 'finish-step' };
        return yield { type: 'finish', finishReason: 'stop', messageMetadata: metadata };
      case 'cancelled':
        yield* parts.endAll();
        return yield { type: 'abort', reason: event.reason };
      case 'error':
        return yield { type: 'error', errorText: toHttpError(event.error, options).message };
    }
  }
}

/** The text parts of a message: each begins, grows and ends once. */
function createTextParts(): {
  delta(id: string, delta: string): Generator<Chunk>;
  /** The text of a part that ends, whether any of it was sent or not. */
  whole(id: string, text: string): Generator<Chunk>;
  endAll(): Generator<Chunk>;
} {
  const open = new Set<string>();
  return {
    *delta(id, delta) {
      if (!open.has(id)) yield { type: 'text-start', id };
      open.add(id);
      yield { type: 'text-delta', id, delta };
    },
    *whole(id, text) {
      if (!open.has(id)) {
        if (text === '') return;
        yield { type: 'text-start', id };
        yield { type: 'text-delta', id, delta: text };
      }
      open.delete(id);
      yield { type: 'text-end', id };
    },
    *endAll() {
      for (const id of open) yield { type: 'text-end', id };
      open.clear();
    },
  };
}

function frame(chunk: Chunk): SseFrame {
  return { data: JSON.stringify(chunk) };
}
