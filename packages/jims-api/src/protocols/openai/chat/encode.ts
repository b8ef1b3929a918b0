import type { Run, RunEnd, RunResult } from 'jims-core';

import { resultOf } from '../../../chat/answer-run.ts';
import type { FileAddress } from '../../../chat/file-address.ts';
import { inTurn } from '../../../chat/in-turn.ts';
import type { InTurnEvent } from '../../../chat/in-turn.ts';
import { reasoningOf } from '../../../chat/message-members.ts';
import { assistantText } from '../../../chat/messages.ts';
import { tokensOf } from '../../../chat/usage.ts';
import { toHttpError } from '../../../http/error-response.ts';
import type { ErrorAnswerOptions } from '../../../http/error-response.ts';
import { SLOT, jsonTemplate, jsonText } from '../../../http/fastapi/json-pieces.ts';
import { hexOf } from '../../../http/fastapi/uuid.ts';
import type { SseFrame } from '../../../http/sse/frame.ts';
import { Expansion } from '../../../http/sse/ready-iterator.ts';
import type { ReadyIterable } from '../../../http/sse/ready-iterator.ts';
import { citationsOf, positionAfter } from '../shared/citations.ts';
import type { Citation } from '../shared/citations.ts';
import { openAiError } from '../shared/error.ts';
import { secondsOf } from '../shared/ids.ts';

export interface StreamOptions extends ErrorAnswerOptions {
  readonly model: string;
  readonly includeUsage: boolean;
  /** Whether statuses are sent, as events that Open WebUI shows and other clients ignore. */
  readonly statuses: boolean;
  readonly addressOf: FileAddress;
  readonly request: Request;
}

const BETWEEN_MESSAGES = '\n\n';
const DONE: SseFrame = { data: '[DONE]' };

/** A result as one message; there is nothing in it for buttons and other events. */
export function encodeResult(
  run: Run,
  result: RunResult,
  { model, addressOf }: Pick<StreamOptions, 'model' | 'addressOf'>,
): object {
  const reasoning = result.events.map(reasoningOf).filter(Boolean).join(BETWEEN_MESSAGES);
  const annotations = annotationsOf(result, addressOf);
  const message = {
    role: 'assistant',
    content: contentOf(result),
    refusal: null,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(annotations.length > 0 && { annotations }),
  };
  return {
    ...headOf(run, 'chat.completion', model),
    choices: [{ index: 0, message, logprobs: null, finish_reason: 'stop' }],
    usage: usageOf(result),
  };
}

function contentOf({ events }: RunResult): string {
  return events.map(assistantText).filter(Boolean).join(BETWEEN_MESSAGES);
}

/** What all messages of a result cite. */
function annotationsOf(result: RunResult, addressOf: FileAddress): object[] {
  const citations = result.events.flatMap((event) => citationsOf(event, addressOf));
  if (citations.length === 0) return [];
  const content = contentOf(result);
  return citations.map((citation) => annotationOf(citation, content));
}

function annotationOf({ url, title, file }: Citation, content: string): object {
  const url_citation = { url, title, ...positionAfter(content) };
  return { type: 'url_citation', url_citation, ...(file && { file }) };
}

/** A run as chunks of one message. */
export function encodeStream(run: Run, options: StreamOptions): ReadyIterable<SseFrame> {
  const encoder = new ChunkEncoder(run, options);
  return new Expansion(inTurn(run), (event) => encoder.read(event), { first: [encoder.begin()] });
}

class ChunkEncoder {
  readonly #options: StreamOptions;
  readonly #head: object;
  readonly #textData: (text: string) => string;
  readonly #reasoningData: (text: string) => string;
  /** The status that the user sees. */
  #status: string | undefined;
  /** The message, and the reasoning, whose text was sent last. */
  #messageId: string | undefined;
  #reasoningId: string | undefined;

  constructor(run: Run, options: StreamOptions) {
    this.#options = options;
    this.#head = headOf(run, 'chat.completion.chunk', options.model);
    this.#textData = jsonTemplate(this.#chunk({ content: SLOT }));
    this.#reasoningData = jsonTemplate(this.#chunk({ reasoning_content: SLOT }));
  }

  begin(): SseFrame {
    return frame(this.#chunk({ role: 'assistant', content: '' }));
  }

  *read(event: InTurnEvent): Generator<SseFrame> {
    if (event.type === 'status') {
      if (!this.#options.statuses) return;
      this.#status = event.status.message;
      yield this.#statusFrame(this.#status, false);
      return;
    }
    if (this.#status !== undefined) yield this.#statusFrame(this.#status, true);
    this.#status = undefined;
    switch (event.type) {
      case 'text':
        return yield* this.#text(event);
      case 'reasoning':
        return yield this.#reasoning(event);
      default:
        return yield* this.#ending(event);
    }
  }

  *#text({ messageId, text }: InTurnEvent & { readonly type: 'text' }): Generator<SseFrame> {
    if (this.#messageId !== undefined && this.#messageId !== messageId) {
      yield { data: this.#textData(BETWEEN_MESSAGES) };
    }
    this.#messageId = messageId;
    yield { data: this.#textData(text) };
  }

  #reasoning({ reasoningId, text }: InTurnEvent & { readonly type: 'reasoning' }): SseFrame {
    const isNext = this.#reasoningId !== undefined && this.#reasoningId !== reasoningId;
    this.#reasoningId = reasoningId;
    return { data: this.#reasoningData(isNext ? BETWEEN_MESSAGES + text : text) };
  }

  *#ending(end: RunEnd): Generator<SseFrame> {
    const options = this.#options;
    let result: RunResult;
    try {
      result = resultOf(end);
    } catch (error) {
      yield frame({ error: openAiError(toHttpError(error, options), options) });
      return;
    }
    // In one chunk: clients that put chunks together keep the last list.
    const annotations = annotationsOf(result, options.addressOf);
    if (annotations.length > 0) yield frame(this.#chunk({ annotations }));
    yield frame(this.#chunk({}, 'stop'));
    if (options.includeUsage) {
      yield frame({ ...this.#head, choices: [], usage: usageOf(result) });
    }
    yield DONE;
  }

  #statusFrame(description: string, done: boolean): SseFrame {
    const event = { type: 'status', data: { description, done } };
    return frame({ ...this.#head, choices: [], event });
  }

  #chunk(delta: object, finish_reason: 'stop' | null = null): object {
    return { ...this.#head, choices: [{ index: 0, delta, finish_reason }] };
  }
}

function headOf({ id }: Run, object: string, model: string): object {
  return { id: `chatcmpl-${hexOf(id)}`, object, created: secondsOf(id), model };
}

function usageOf(result: RunResult): object {
  const { input, cached, output, total } = tokensOf(result);
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: total,
    prompt_tokens_details: { cached_tokens: cached },
  };
}

function frame(value: object): SseFrame {
  return { data: jsonText(value) };
}
