import type { Run, RunEnd } from 'jims-core';

import { reasonOf } from '../../../chat/run-routes.ts';
import { textEvents } from '../../../chat/text-stream.ts';
import type { TextEvent } from '../../../chat/text-stream.ts';
import { toHttpError } from '../../../http/error-response.ts';
import type { ErrorAnswerOptions } from '../../../http/error-response.ts';
import { jsonText } from '../../../http/fastapi/json-pieces.ts';
import type { SseFrame } from '../../../http/sse/frame.ts';
import { Expansion } from '../../../http/sse/ready-iterator.ts';
import type { ReadyIterable } from '../../../http/sse/ready-iterator.ts';
import { failureCode, openAiError } from '../shared/error.ts';
import type { Asked } from './asked.ts';
import { NOTHING, completedAt, responseObject, usageOf } from './response.ts';
import type { ResponseState } from './response.ts';
import { createStreamItems } from './stream-items.ts';
import type { WireEvent } from './stream-items.ts';

export interface StreamOptions extends ErrorAnswerOptions {
  readonly asked: Asked;
  readonly request: Request;
  /** Leaves out the events up to this number. */
  readonly startingAfter?: number | undefined;
}

/** The numbers of an attempt begin so much higher than those of the one before it. */
const NUMBERS_OF_ATTEMPT = 1_000_000_000;

/**
 * A run as the events of a response. The number of an event says how many there were before it, each
 * piece of text counted by itself: the same for every reader, however late. A reader that saw a part
 * of an attempt that was lost gets all of the current one, whose numbers are higher.
 */
export function encodeStream(run: Run, options: StreamOptions): ReadyIterable<SseFrame> {
  const { asked, startingAfter = -1 } = options;
  const items = createStreamItems(run.id);
  const whose = { runId: run.id, threadId: run.thread.id, asked };
  let next = 0;

  function* numbered(events: Iterable<WireEvent>): Generator<SseFrame> {
    for (const { pieces = 1, ...event } of events) {
      const number = next + pieces - 1;
      next = number + 1;
      if (number > startingAfter) yield frame({ ...event, sequence_number: number });
    }
  }

  /** When the stream is read: only then is it known which attempt it is of. */
  function* begin(): Generator<SseFrame> {
    next = (run.attempt - 1) * NUMBERS_OF_ATTEMPT;
    const response = responseObject(whose, { ...NOTHING, status: 'in_progress' });
    yield* numbered([
      { type: 'response.created', response },
      { type: 'response.in_progress', response },
    ]);
  }

  function encode(event: TextEvent): Iterable<SseFrame> {
    switch (event.type) {
      case 'status':
        return numbered(items.status(event.status.message));
      case 'text_start':
        return numbered(items.begin(event.messageId));
      case 'text_delta':
        return numbered(items.grow(event));
      case 'text_end':
        return numbered(items.endText(event.messageId));
      case 'event':
        return numbered(items.finish(event.event));
      default: {
        const rest = [...items.finishAll(), ...ending(event)];
        // Of a run whose pieces were not kept the true number is not known. The last event is always sent.
        next = Math.max(next, startingAfter + 2 - rest.length);
        return numbered(rest);
      }
    }
  }

  function* ending(end: RunEnd): Generator<WireEvent> {
    const respond = (state: Partial<ResponseState> & Pick<ResponseState, 'status'>): object =>
      responseObject(whose, { ...NOTHING, output: items.output, ...state });
    if (end.type === 'result') {
      const completed_at = completedAt(end);
      const response = respond({ status: 'completed', usage: usageOf(end), completed_at });
      yield { type: 'response.completed', response };
      return;
    }
    if (end.type === 'cancelled' && end.reason === 'cancelled') {
      yield { type: 'response.incomplete', response: respond({ status: 'cancelled' }) };
      return;
    }
    const failure = toHttpError(reasonOf(end), options);
    const reason = openAiError(failure);
    const { code, message, param } = reason;
    if (code === 'restarted') {
      // The response itself goes on.
      yield { type: 'error', code, message, param, error: reason };
      return;
    }
    // The AI SDK repeats a request whose stream fails before it has put anything out.
    if (items.output.length === 0) yield* items.begin(run.id);
    const error = { code: failureCode(failure, options), message };
    yield { type: 'response.failed', response: respond({ status: 'failed', error, output: [] }) };
    // Some clients take the event before this one for an end like any other.
    // OpenAI's clients read its members, those of Open Responses its `error`.
    yield { type: 'error', code, message, param, error: reason };
  }

  const events = textEvents(run, { piecemeal: startingAfter >= 0 });
  return new Expansion(events, encode, { first: begin() });
}

function frame(event: WireEvent): SseFrame {
  return { event: event.type, data: jsonText(event) };
}
