import type { Run, RunEnd } from 'jims-core';

import { reasonOf } from '../../../chat/answer-run.ts';
import { toldRun } from '../../../chat/text-stream.ts';
import { toHttpError } from '../../../http/error-response.ts';
import type { ErrorAnswerOptions } from '../../../http/error-response.ts';
import { jsonText } from '../../../http/fastapi/json-pieces.ts';
import type { SseFrame } from '../../../http/sse/frame.ts';
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
export async function* encodeStream(
  run: Run,
  options: StreamOptions,
): AsyncGenerator<SseFrame, void, void> {
  const { asked, startingAfter = -1 } = options;
  const items = createStreamItems(run.id);
  let next = (run.attempt - 1) * NUMBERS_OF_ATTEMPT;

  function* tell(events: Iterable<WireEvent>): Generator<SseFrame> {
    for (const { pieces = 1, ...event } of events) {
      const number = next + pieces - 1;
      next = number + 1;
      if (number > startingAfter) yield frame({ ...event, sequence_number: number });
    }
  }

  const told = toldRun(run, { piecemeal: startingAfter >= 0 });
  const whose = { runId: run.id, threadId: run.thread.id, asked };
  const begun = responseObject(whose, { ...NOTHING, status: 'in_progress' });
  yield* tell([
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
  ]);
  for await (const event of told) {
    switch (event.type) {
      case 'status':
        yield* tell(items.status(event.status.message));
        break;
      case 'text_start':
        yield* tell(items.begin(event.messageId));
        break;
      case 'text_delta':
        yield* tell(items.grow(event));
        break;
      case 'text_end':
        yield* tell(items.endText(event.messageId));
        break;
      case 'event':
        yield* tell(items.finish(event.event));
        break;
      default: {
        const rest = [...items.finishAll(), ...ending(event)];
        // Of a run whose pieces were not kept the true number is not known. The last event is always sent.
        next = Math.max(next, startingAfter + 2 - rest.length);
        yield* tell(rest);
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
}

function frame(event: WireEvent): SseFrame {
  return { event: event.type, data: jsonText(event) };
}
