import type {
  LanguageModelV4,
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from '@ai-sdk/provider';

import { WholeCharacters } from '../../text/text-pieces.ts';
import { Call, TimeLimit } from '../call.ts';
import type { LlmScope } from '../call.ts';
import { BrokenAnswerError, ProviderReportError } from '../failures/errors.ts';
import { errorInAnswer } from '../failures/reported-error.ts';
import type { FinishReason } from '../finish-reasons.ts';
import type { UsableModel } from '../providers/models.ts';
import { exchanges } from '../transport/exchange.ts';
import type { Exchange } from '../transport/exchange.ts';
import { recordAnswer, unusualUsage } from './answer.ts';
import type { Answer } from './answer.ts';
import { emptyAnswer, finishReasonOf } from './finish-reason.ts';
import { thoughtsByCall } from './provider-data.ts';
import { recordRequest } from './request.ts';
import type { ChatCall, ChatRequest } from './request.ts';

/**
 * Gets an answer from a chat model piece by piece, and then how it ended. A try that fails before its
 * first piece is repeated. A later failure ends the stream: its pieces cannot be taken back.
 */
export async function* streamChat(
  scope: LlmScope,
  target: UsableModel<LanguageModelV4>,
  { request, options }: ChatCall,
): AsyncGenerator<string, FinishReason, void> {
  const { traceContent } = scope.settings;
  const { name, provider, model } = target;
  const callTarget = { operation: 'chat', name, provider, model: model.modelId } as const;
  const call = await Call.start(scope, options, callTarget);
  recordRequest(call, request, traceContent);
  let stream: TextStream | undefined;
  let failure: unknown;
  let text = '';

  async function record(from: TextStream): Promise<void> {
    const parts = [{ type: 'text' as const, text }];
    await recordAnswer(call, { ...from.answer.known(), parts: () => parts }, traceContent);
  }

  async function attempt(): Promise<TextStream> {
    const opened = await TextStream.open(call, model, request);
    if (opened.beginning !== undefined || options.allowEmpty) return opened;
    // Of no use, but paid for.
    await record(opened);
    await opened.close();
    throw emptyAnswer(opened.answer.finishReason());
  }

  try {
    stream = await call.attempts(attempt);
    for (let piece = stream.beginning; piece !== undefined; piece = await stream.next()) {
      if (traceContent) text += piece;
      yield piece;
    }
    return stream.answer.finishReason();
  } catch (error) {
    failure = call.failure(error);
    throw failure;
  } finally {
    await stream?.close();
    if (stream) await record(stream);
    call.end(failure);
  }
}

/** The text of a model's stream. */
class TextStream {
  readonly #closing: AbortController;
  readonly #limit: TimeLimit;
  /** What is known of the answer so far. */
  readonly answer: StreamedAnswer;
  readonly #parts: ReadableStreamDefaultReader<LanguageModelV4StreamPart>;
  readonly #characters = new WholeCharacters();
  /** The text up to the first piece that is not white space; `undefined` for an answer without text. */
  beginning: string | undefined;

  private constructor(
    closing: AbortController,
    limit: TimeLimit,
    answer: StreamedAnswer,
    parts: ReadableStream<LanguageModelV4StreamPart>,
  ) {
    this.#closing = closing;
    this.#limit = limit;
    this.answer = answer;
    this.#parts = parts.getReader();
  }

  /** Sends the request and waits for the first text. */
  static async open(call: Call, model: LanguageModelV4, request: ChatRequest): Promise<TextStream> {
    const closing = new AbortController();
    const limit = new TimeLimit(call.timeoutMs);
    const thoughts = thoughtsByCall(request.prompt);
    const exchange: Exchange = { streamed: true, alive: limit.alive, thoughts, done: false };
    const signal = AbortSignal.any([call.signal, closing.signal]);
    const { stream: parts } = await limit.within(signal, (abortSignal) =>
      exchanges.run(exchange, () =>
        model.doStream({ ...request, abortSignal, includeRawChunks: true }),
      ),
    );
    const answer = new StreamedAnswer(model.modelId, exchange);
    const stream = new TextStream(closing, limit, answer, parts);
    try {
      stream.beginning = await stream.#readBeginning();
      return stream;
    } catch (error) {
      await stream.close();
      throw error;
    }
  }

  async #readBeginning(): Promise<string | undefined> {
    let beginning = '';
    while (beginning.trim() === '') {
      const piece = await this.next();
      if (piece === undefined) return undefined;
      beginning += piece;
    }
    return beginning;
  }

  /** The next piece, never an empty one; `undefined` after the last. */
  async next(): Promise<string | undefined> {
    for (;;) {
      const { done, value } = await this.#limit.wait(this.#parts.read());
      if (done) break;
      const piece = this.#characters.add(this.answer.read(value)).toWellFormed();
      if (piece !== '') return piece;
    }
    this.answer.finishReason();
    return this.#characters.rest().toWellFormed() || undefined;
  }

  /** Ends the request if it has not ended. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#parts.cancel().catch(() => {});
  }
}

const NO_USAGE: LanguageModelV4Usage = {
  inputTokens: {
    total: undefined,
    noCache: undefined,
    cacheRead: undefined,
    cacheWrite: undefined,
  },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
};

/** Collects what the parts of a stream say about the answer. */
class StreamedAnswer {
  readonly #exchange: Exchange;
  #id: string | undefined;
  #model: string;
  #usage = NO_USAGE;
  #unusualUsage: LanguageModelV4Usage | undefined;
  #finish: LanguageModelV4FinishReason = { unified: 'interrupted', raw: undefined };

  constructor(modelId: string, exchange: Exchange) {
    this.#model = modelId;
    this.#exchange = exchange;
  }

  /** Gives the text of a part, empty for other parts. Throws the error that a part reports. */
  read(part: LanguageModelV4StreamPart): string {
    switch (part.type) {
      case 'text-delta':
        return part.delta;
      case 'raw':
        this.#readChunk(part.rawValue);
        return '';
      case 'response-metadata':
        this.#id = part.id ?? this.#id;
        this.#model = part.modelId ?? this.#model;
        return '';
      case 'finish':
        this.#usage = part.usage;
        this.#finish = part.finishReason;
        return '';
      case 'error':
        if (this.#exchange.done && lacksFinishReason(part.error)) return '';
        throw errorOf(part.error);
      default:
        return '';
    }
  }

  /** Packages read a chunk as an answer where they can, and ignore an error beside it. */
  #readChunk(chunk: unknown): void {
    const error = errorInAnswer(chunk);
    if (error) throw new ProviderReportError(error);
    this.#unusualUsage = unusualUsage(chunk) ?? this.#unusualUsage;
  }

  /** Its usage arrives at the end. */
  known(): Omit<Answer, 'parts'> {
    const counted = this.#usage.inputTokens.total !== undefined;
    return {
      id: this.#id,
      model: this.#model,
      finish: this.#finish.unified,
      usage: counted ? this.#usage : (this.#unusualUsage ?? this.#usage),
    };
  }

  /** @throws BrokenAnswerError for half an answer. */
  finishReason(): FinishReason {
    const { unified, raw } = this.#finish;
    if (raw !== undefined || (unified !== 'interrupted' && unified !== 'error')) {
      return finishReasonOf(this.#finish);
    }
    // Some servers give no reason, only `[DONE]`.
    if (this.#exchange.done) return 'other';
    throw new BrokenAnswerError('the stream ended before the answer was complete');
  }
}

function lacksFinishReason(error: unknown): boolean {
  return Error.isError(error) && /without a finish reason/.test(error.message);
}

/** Packages report what goes wrong in a stream as errors, and sometimes as plain objects. */
function errorOf(error: unknown): Error {
  if (Error.isError(error)) return error;
  const reported = errorInAnswer({ error });
  return reported
    ? new ProviderReportError(reported)
    : new BrokenAnswerError('the provider reported an error in its stream');
}
