import type {
  LanguageModelV4,
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from '@ai-sdk/provider';

import { inTime, startCall, tooSlow } from './call.ts';
import type { Call, CallOptions, LlmScope } from './call.ts';
import { noteAnswer, noteRequest } from './chat-request.ts';
import type { Answer, ChatRequest } from './chat-request.ts';
import type { UsableModel } from './models.ts';
import { BrokenStreamError } from './provider-failure.ts';

/**
 * Asks a chat model for an answer piece by piece. A try that fails before its first piece is made
 * again; after that a failure ends the stream, as what was said cannot be taken back.
 */
export async function* streamChat(
  scope: LlmScope,
  target: UsableModel<LanguageModelV4>,
  { request, options }: { readonly request: ChatRequest; readonly options: CallOptions },
): AsyncGenerator<string, void, void> {
  const { traceContent } = scope.settings;
  const { name, provider, model } = target;
  const what = { operation: 'chat', name, provider, model: model.modelId } as const;
  const call = await startCall(scope, options, what);
  noteRequest(call, request, traceContent);
  let stream: TextStream | undefined;
  let failure: unknown;
  let said = '';
  try {
    stream = await call.attempts(() => openTextStream(call, target.model, request));
    for (let piece = stream.first; piece !== undefined; piece = await stream.next()) {
      if (traceContent) said += piece;
      yield piece;
    }
  } catch (error) {
    failure = call.failure(error);
    throw failure;
  } finally {
    await stream?.close();
    if (stream)
      await noteAnswer(
        call,
        { ...stream.answer(), parts: () => [{ type: 'text', text: said }] },
        traceContent,
      );
    call.end(failure);
  }
}

/** The texts of a model's stream. */
interface TextStream {
  readonly first: string | undefined;
  /** `undefined` after the last. */
  next(): Promise<string | undefined>;
  /** What is known of the answer: its usage comes at the end. */
  answer(): Omit<Answer, 'parts'>;
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

/** Opens the stream and waits for its first text. */
async function openTextStream(
  call: Call,
  model: LanguageModelV4,
  request: ChatRequest,
): Promise<TextStream> {
  const closed = new AbortController();
  const signal = AbortSignal.any([call.signal, closed.signal]);
  const opened = await inTime({ ...call, signal }, (abortSignal) =>
    model.doStream({ ...request, abortSignal }),
  );
  const reader = opened.stream.getReader();
  const answer = { id: undefined as string | undefined, model: model.modelId };
  let usage = NO_USAGE;
  let finish: LanguageModelV4FinishReason['unified'] = 'interrupted';

  function take(part: LanguageModelV4StreamPart): string | undefined {
    switch (part.type) {
      case 'text-delta':
        return part.delta === '' ? undefined : part.delta;
      case 'response-metadata':
        answer.id = part.id ?? answer.id;
        answer.model = part.modelId ?? answer.model;
        return undefined;
      case 'finish':
        ({ usage } = part);
        finish = part.finishReason.unified;
        return undefined;
      case 'error':
        throw asError(part.error);
      default:
        return undefined;
    }
  }

  async function next(): Promise<string | undefined> {
    for (;;) {
      const { done, value } = await readInTime(reader, call.timeoutMs);
      if (done) break;
      const text = take(value);
      if (text !== undefined) return text;
    }
    if (finish !== 'interrupted' && finish !== 'error') return undefined;
    throw new BrokenStreamError('the stream ended before the answer was complete');
  }

  async function close(): Promise<void> {
    closed.abort();
    await reader.cancel().catch(() => {});
  }

  try {
    const first = await next();
    return { first, next, close, answer: () => ({ ...answer, finish, usage }) };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readInTime<T>(
  reader: ReadableStreamDefaultReader<T>,
  timeoutMs: number,
): ReturnType<ReadableStreamDefaultReader<T>['read']> {
  const slow = Promise.withResolvers<never>();
  const timer = setTimeout(() => slow.reject(tooSlow(timeoutMs)), timeoutMs);
  try {
    return await Promise.race([reader.read(), slow.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Providers report what goes wrong in a stream as errors, and some as plain objects. */
function asError(error: unknown): Error {
  if (Error.isError(error)) return error;
  const message =
    typeof error === 'object' &&
    error !== null &&
    'message' in error &&
    typeof error.message === 'string'
      ? error.message
      : 'the provider reported an error in its stream';
  return new BrokenStreamError(message);
}
