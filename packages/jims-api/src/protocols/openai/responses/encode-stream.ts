import type { Run, RunEnd } from 'jims-core';

import { reasonOf } from '../../../chat/answer-run.ts';
import type { FileAddress } from '../../../chat/file-address.ts';
import { isEnd, plainTextEvents } from '../../../chat/text-stream.ts';
import type { PlainTextEvent, TextDelta } from '../../../chat/text-stream.ts';
import { toHttpError } from '../../../http/error-response.ts';
import type { ErrorAnswerOptions } from '../../../http/error-response.ts';
import { jsonText } from '../../../http/fastapi/json-pieces.ts';
import type { SseFrame } from '../../../http/sse/frame.ts';
import { Expansion } from '../../../http/sse/ready-iterator.ts';
import type { ReadyIterable } from '../../../http/sse/ready-iterator.ts';
import { citationOfFile, citationOfSource } from '../shared/citations.ts';
import { failureCode, openAiError } from '../shared/error.ts';
import type { Echo } from './echo.ts';
import { NOTHING, completedAt, questionIn, responseObject, usageOf } from './response.ts';
import type { ResponseState } from './response.ts';
import { StreamItems, TEXT_DELTA } from './stream-items.ts';
import type { WireEvent } from './stream-items.ts';

export interface StreamOptions extends ErrorAnswerOptions {
  readonly echo: Echo;
  readonly request: Request;
  readonly addressOf: FileAddress;
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
  const encoder = new ResponseEncoder(run, options);
  // Pieces that are joined are counted, but a client may have seen only some of them.
  const piecemeal = (options.startingAfter ?? -1) >= 0;
  const events = plainTextEvents(run, { piecemeal });
  return new Expansion(events, (event) => encoder.read(event), { first: encoder.begin() });
}

class ResponseEncoder {
  readonly #run: Run;
  readonly #options: StreamOptions;
  readonly #startingAfter: number;
  readonly #items: StreamItems;
  /** The number of the next event. */
  #next = 0;

  constructor(run: Run, options: StreamOptions) {
    this.#run = run;
    this.#options = options;
    this.#startingAfter = options.startingAfter ?? -1;
    this.#items = new StreamItems(run.id);
  }

  /** Not before the stream is read: only then is it known which attempt it is of. */
  *begin(): Generator<SseFrame> {
    this.#next = (this.#run.attempt - 1) * NUMBERS_OF_ATTEMPT;
    const response = this.#response({ status: 'in_progress' });
    yield* this.#numbered([
      { type: 'response.created', response },
      { type: 'response.in_progress', response },
    ]);
  }

  read(event: PlainTextEvent): Iterable<SseFrame> {
    if (event.type === 'text_delta') return this.#piece(event);
    if (isEnd(event)) return this.#end(event);
    return this.#numbered(this.#change(event));
  }

  /** As `#numbered`, for what nearly all of a stream is. */
  #piece(event: TextDelta): SseFrame[] {
    const written = this.#items.grow(event);
    if (written === undefined) return [];
    const number = this.#next + Math.max(1, event.pieces) - 1;
    this.#next = number + 1;
    if (number <= this.#startingAfter) return [];
    return [{ id: number, event: TEXT_DELTA, data: `${written}${number}}` }];
  }

  #change(event: Exclude<PlainTextEvent, RunEnd | TextDelta>): Iterable<WireEvent> {
    switch (event.type) {
      case 'status':
        return this.#items.status(event.status.message);
      case 'text_start':
        return this.#items.begin(event.messageId);
      case 'text_end':
        return this.#items.endText(event.messageId);
      case 'reasoning_start':
        return this.#items.beginReasoning();
      case 'reasoning_delta':
        return this.#items.growReasoning(event);
      case 'reasoning_end':
        return this.#items.endReasoning();
      case 'source':
        return this.#items.cite(event.messageId, citationOfSource(event.source));
      case 'file': {
        const { addressOf } = this.#options;
        return this.#items.cite(event.messageId, citationOfFile(event.file, addressOf));
      }
      case 'event':
        return this.#items.finish(event.event);
    }
  }

  #end(end: RunEnd): Iterable<SseFrame> {
    const rest = [...this.#items.finishAll(), ...this.#ending(end)];
    // Of a run whose pieces were not kept the true number is not known. The last event is always sent.
    this.#next = Math.max(this.#next, this.#startingAfter + 2 - rest.length);
    return this.#numbered(rest);
  }

  *#numbered(events: Iterable<WireEvent>): Generator<SseFrame> {
    for (const { pieces = 1, ...event } of events) {
      const number = this.#next + pieces - 1;
      this.#next = number + 1;
      if (number > this.#startingAfter) yield frame(event, number);
    }
  }

  *#ending(end: RunEnd): Generator<WireEvent> {
    const { output } = this.#items;
    if (end.type === 'result') {
      const completed_at = completedAt(end);
      const state = {
        status: 'completed',
        output,
        usage: usageOf(end.result),
        completed_at,
        ...questionIn(end),
      } as const;
      yield { type: 'response.completed', response: this.#response(state) };
      return;
    }
    if (end.type === 'cancelled' && end.reason === 'cancelled') {
      const response = this.#response({ status: 'cancelled', output });
      yield { type: 'response.incomplete', response };
      return;
    }
    const failure = toHttpError(reasonOf(end), this.#options);
    const reason = openAiError(failure, this.#options);
    const { code, message, param } = reason;
    if (code === 'restarted') {
      // The response itself goes on.
      yield { type: 'error', code, message, param, error: reason };
      return;
    }
    // The AI SDK repeats a request whose stream fails before it has output anything.
    if (output.length === 0) yield* this.#items.begin(this.#run.id);
    const error = { code: failureCode(failure, this.#options), message };
    yield { type: 'response.failed', response: this.#response({ status: 'failed', error }) };
    // Some clients take the event before this one for an end like any other.
    // OpenAI's clients read its members, those of Open Responses its `error`.
    yield { type: 'error', code, message, param, error: reason };
  }

  #response(state: Partial<ResponseState> & Pick<ResponseState, 'status'>): object {
    const { id: runId, thread } = this.#run;
    const whose = { runId, threadId: thread.id, echo: this.#options.echo };
    return responseObject(whose, { ...NOTHING, ...state });
  }
}

function frame(event: WireEvent, number: number): SseFrame {
  return { id: number, event: event.type, data: jsonText({ ...event, sequence_number: number }) };
}
