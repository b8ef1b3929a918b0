import type {
  LanguageModelV4,
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from '@ai-sdk/provider';

import { cutText } from '../util/cut-text.ts';
import { WholeCharacters } from '../util/whole-characters.ts';
import type { AnswerEnd } from './answer-stream.ts';
import { startCall } from './call.ts';
import type { Call, LlmScope } from './call.ts';
import { noteAnswer, noteRequest } from './chat-request.ts';
import type { Answer, ChatOptions, ChatRequest } from './chat-request.ts';
import { exchanges } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { emptyAnswer, finishReason } from './finish-reason.ts';
import type { FinishReason } from './finish-reason.ts';
import type { UsableModel } from './models.ts';
import { thoughtsByCall } from './provider-data.ts';
import { BrokenAnswerError } from './provider-failure.ts';
import { ProviderReportError, errorInAnswer } from './reported-error.ts';
import { TimeLimit } from './time-limit.ts';
import { usageBeside } from './usage-beside.ts';

/**
 * Asks a chat model for an answer piece by piece. A try that fails before its first piece is made
 * again; after that a failure ends the stream, as what was said cannot be taken back.
 */
export async function* streamChat(
  scope: LlmScope,
  target: UsableModel<LanguageModelV4>,
  { request, options }: { readonly request: ChatRequest; readonly options: ChatOptions },
  end: AnswerEnd,
): AsyncGenerator<string, void, void> {
  const { traceContent } = scope.settings;
  const { name, provider, model } = target;
  const what = { operation: 'chat', name, provider, model: model.modelId } as const;
  const call = await startCall(scope, options, what);
  noteRequest(call, request, traceContent);
  let stream: TextStream | undefined;
  let failure: unknown;
  let said = '';

  async function note(from: TextStream): Promise<void> {
    const parts = [{ type: 'text' as const, text: said }];
    await noteAnswer(call, { ...from.answer(), parts: () => parts }, traceContent);
  }

  async function attempt(): Promise<TextStream> {
    const opened = await openTextStream(call, model, request);
    if (opened.first !== undefined || options.allowEmpty) return opened;
    // It was paid, though it is of no use.
    await note(opened);
    await opened.close();
    throw emptyAnswer(opened.finishReason());
  }

  try {
    stream = await call.attempts(attempt);
    for (let piece = stream.first; piece !== undefined; piece = await stream.next()) {
      if (traceContent) said += piece;
      yield piece;
    }
    end.finishReason = stream.finishReason();
  } catch (error) {
    failure = call.failure(error);
    throw failure;
  } finally {
    await stream?.close();
    if (stream) await note(stream);
    call.end(failure);
  }
}

/** The texts of a model's stream. */
interface TextStream {
  /** All of its beginning that is white space, and the piece after it. */
  readonly first: string | undefined;
  /** `undefined` after the last. */
  next(): Promise<string | undefined>;
  /** What is known of the answer: its usage comes at the end. */
  answer(): Omit<Answer, 'parts'>;
  finishReason(): FinishReason;
  /** Ends the request, if it has not ended. */
  close(): Promise<void>;
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
const MAX_REASON = 100;

/** Opens the stream and waits for its first text. */
async function openTextStream(
  call: Call,
  model: LanguageModelV4,
  request: ChatRequest,
): Promise<TextStream> {
  const closed = new AbortController();
  const limit = new TimeLimit(call.timeoutMs);
  const thoughts = thoughtsByCall(request.prompt);
  const exchange: Exchange = { streamed: true, alive: limit.alive, thoughts, done: false };
  const opened = await limit.within(AbortSignal.any([call.signal, closed.signal]), (abortSignal) =>
    exchanges.run(exchange, () =>
      model.doStream({ ...request, abortSignal, includeRawChunks: true }),
    ),
  );
  const reader = opened.stream.getReader();
  const read = partReader(model.modelId, exchange);
  const text = new WholeCharacters();

  async function next(): Promise<string | undefined> {
    for (;;) {
      const { done, value } = await limit.wait(reader.read());
      if (done) break;
      const piece = text.add(read.take(value)).toWellFormed();
      if (piece !== '') return piece;
    }
    read.finishReason();
    return text.rest().toWellFormed() || undefined;
  }

  async function first(): Promise<string | undefined> {
    let beginning = '';
    while (beginning.trim() === '') {
      const piece = await next();
      if (piece === undefined) return undefined;
      beginning += piece;
    }
    return beginning;
  }

  async function close(): Promise<void> {
    closed.abort();
    await reader.cancel().catch(() => {});
  }

  try {
    return { first: await first(), next, close, ...read };
  } catch (error) {
    await close();
    throw error;
  }
}

interface PartReader {
  /** The text in a part, empty for one without. */
  take(part: LanguageModelV4StreamPart): string;
  answer(): Omit<Answer, 'parts'>;
  /** @throws BrokenAnswerError when the answer is only half of one. */
  finishReason(): FinishReason;
}

/** Reads the parts of a stream as a provider's package gives them. */
function partReader(modelId: string, exchange: Exchange): PartReader {
  const answer = { id: undefined as string | undefined, model: modelId };
  let usage = NO_USAGE;
  let beside: LanguageModelV4Usage | undefined;
  let finish: LanguageModelV4FinishReason = { unified: 'interrupted', raw: undefined };

  return {
    take(part) {
      switch (part.type) {
        case 'text-delta':
          return part.delta;
        case 'raw':
          // Packages read a chunk as an answer where they can, and leave out the error beside it.
          refuseReport(part.rawValue);
          beside = usageBeside(part.rawValue) ?? beside;
          return '';
        case 'response-metadata':
          answer.id = part.id ?? answer.id;
          answer.model = part.modelId ?? answer.model;
          return '';
        case 'finish':
          ({ usage, finishReason: finish } = part);
          return '';
        case 'error':
          if (exchange.done && lacksFinishReason(part.error)) return '';
          throw asError(part.error);
        default:
          return '';
      }
    },
    answer() {
      const counted = usage.inputTokens.total === undefined ? (beside ?? usage) : usage;
      return { ...answer, finish: finish.unified, usage: counted };
    },
    finishReason() {
      const reason = finishReason(finish);
      if (reason !== undefined) return reason;
      if (finish.raw !== undefined) {
        throw new BrokenAnswerError(`the answer ended with '${cutText(finish.raw, MAX_REASON)}'`);
      }
      // The mark of its end is enough, where a server gives no reason.
      if (exchange.done) return 'other';
      throw new BrokenAnswerError('the stream ended before the answer was complete');
    },
  };
}

function refuseReport(chunk: unknown): void {
  const error = errorInAnswer(chunk);
  if (error) throw new ProviderReportError(error);
}

function lacksFinishReason(error: unknown): boolean {
  return Error.isError(error) && /without a finish reason/.test(error.message);
}

/** Providers report what goes wrong in a stream as errors, and some as plain objects. */
function asError(error: unknown): Error {
  if (Error.isError(error)) return error;
  const reported = errorInAnswer({ error });
  return reported
    ? new ProviderReportError(reported)
    : new BrokenAnswerError('the provider reported an error in its stream');
}
