import type { LanguageModelV4, LanguageModelV4StreamPart } from '@ai-sdk/provider';

import { WholeCharacters } from '../../text/text-pieces.ts';
import { Call, TimeLimit } from '../call.ts';
import type { LlmScope } from '../call.ts';
import type { FinishReason } from '../finish-reasons.ts';
import type { UsableModel } from '../providers/models.ts';
import type { TracedPart } from '../traced-request.ts';
import { exchanges } from '../transport/exchange.ts';
import type { Exchange } from '../transport/exchange.ts';
import { recordAnswer } from './answer.ts';
import { emptyAnswer } from './finish-reason.ts';
import { thoughtsByCall } from './provider-data.ts';
import { recordRequest } from './request.ts';
import type { ChatCall, ChatRequest } from './request.ts';
import { StreamedAnswer } from './streamed-answer.ts';
import type { AnswerPiece } from './streamed-answer.ts';

/** What the reader of a stream wants of it. */
export interface StreamReader<TPiece, TEnd> {
  /** Makes what the reader gets of a piece; `undefined` for a piece that it does not want. */
  readonly show: (piece: AnswerPiece) => TPiece | undefined;
  /** Makes what the reader gets at the end. What it throws the caller gets as the call's failure. */
  readonly end: (answer: StreamedAnswer, provider: string) => TEnd;
}

const TEXT: StreamReader<string, FinishReason> = {
  show: ({ type, text }) => (type === 'text' ? text : undefined),
  end: (answer) => answer.finishReason(),
};

/** Gets the text of an answer piece by piece, and then how it ended; see {@link streamAnswer}. */
export function streamChat(
  scope: LlmScope,
  target: UsableModel<LanguageModelV4>,
  call: ChatCall,
): AsyncGenerator<string, FinishReason, void> {
  return streamAnswer(scope, target, call, TEXT);
}

/**
 * Gets an answer from a chat model piece by piece. A try that fails before its first piece is repeated. A
 * later failure ends the stream: its pieces cannot be taken back.
 */
export async function* streamAnswer<TPiece, TEnd>(
  scope: LlmScope,
  target: UsableModel<LanguageModelV4>,
  { request, options }: ChatCall,
  reader: StreamReader<TPiece, TEnd>,
): AsyncGenerator<TPiece, TEnd, void> {
  const { traceContent } = scope.settings;
  const { name, provider, model } = target;
  const callTarget = { operation: 'chat', name, provider, model: model.modelId } as const;
  const call = await Call.start(scope, options, callTarget);
  recordRequest(call, request, traceContent);
  let stream: PieceStream<TPiece> | undefined;
  let failure: unknown;

  async function record({ answer, text }: PieceStream<TPiece>): Promise<void> {
    const said = { type: 'text' as const, text };
    const parts = (): readonly TracedPart[] => [said, ...answer.tracedCalls];
    await recordAnswer(call, { ...answer.known(), parts }, traceContent);
  }

  async function attempt(): Promise<PieceStream<TPiece>> {
    const opened = await PieceStream.open(call, { model, request, traceContent }, reader.show);
    const isEmpty = opened.beginning === undefined && opened.answer.calls.length === 0;
    if (!isEmpty || options.allowEmpty) return opened;
    // Of no use, but paid for.
    await record(opened);
    await opened.close();
    throw emptyAnswer(opened.answer.finishReason());
  }

  try {
    stream = await call.attempts(attempt);
    for (let piece = stream.beginning; piece !== undefined; piece = await stream.next()) {
      yield piece;
    }
    return reader.end(stream.answer, provider);
  } catch (error) {
    failure = call.failure(error);
    throw failure;
  } finally {
    await stream?.close();
    if (stream) await record(stream);
    call.end(failure);
  }
}

interface StreamRequest {
  readonly model: LanguageModelV4;
  readonly request: ChatRequest;
  readonly traceContent: boolean;
}

/** How a stream is read. */
interface Reading {
  readonly closing: AbortController;
  readonly limit: TimeLimit;
  readonly trace: Call['trace'];
}

/** A model's stream, as its reader gets it. */
class PieceStream<TPiece> {
  readonly #closing: AbortController;
  readonly #limit: TimeLimit;
  readonly #show: (piece: AnswerPiece) => TPiece | undefined;
  readonly #trace: Call['trace'];
  readonly #keepsText: boolean;
  /** What is known of the answer so far. */
  readonly answer: StreamedAnswer;
  readonly #parts: ReadableStreamDefaultReader<LanguageModelV4StreamPart>;
  readonly #characters = { text: new WholeCharacters(), reasoning: new WholeCharacters() };
  #text = '';
  /** What comes first: the text up to the first piece that is not white space. `undefined` for nothing. */
  beginning: TPiece | undefined;

  private constructor(
    { closing, limit, trace }: Reading,
    { answer, traceContent }: { readonly answer: StreamedAnswer; readonly traceContent: boolean },
    parts: ReadableStream<LanguageModelV4StreamPart>,
    show: (piece: AnswerPiece) => TPiece | undefined,
  ) {
    this.#closing = closing;
    this.#limit = limit;
    this.#trace = trace;
    this.answer = answer;
    this.#keepsText = traceContent;
    this.#parts = parts.getReader();
    this.#show = show;
  }

  /** Sends the request and waits for the first piece. */
  static async open<TPiece>(
    call: Call,
    { model, request, traceContent }: StreamRequest,
    show: (piece: AnswerPiece) => TPiece | undefined,
  ): Promise<PieceStream<TPiece>> {
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
    const stream = new PieceStream(
      { closing, limit, trace: call.trace },
      { answer, traceContent },
      parts,
      show,
    );
    try {
      stream.beginning = await stream.#readBeginning();
      return stream;
    } catch (error) {
      await stream.close();
      throw error;
    }
  }

  /** The text that its reader has got, when content is traced. */
  get text(): string {
    return this.#text;
  }

  async #readBeginning(): Promise<TPiece | undefined> {
    let blank = '';
    for (;;) {
      const piece = await this.#read();
      if (!piece) return undefined;
      const isText = piece.type === 'text';
      const text = isText ? blank + piece.text : piece.text;
      if (text.trim() === '') blank = text;
      else {
        const shown = this.#shown({ ...piece, text });
        if (shown !== undefined) return shown;
      }
    }
  }

  /** The next piece, never an empty one; `undefined` after the last. */
  async next(): Promise<TPiece | undefined> {
    for (;;) {
      const piece = await this.#read();
      if (!piece) return undefined;
      const shown = this.#shown(piece);
      if (shown !== undefined) return shown;
    }
  }

  #shown(piece: AnswerPiece): TPiece | undefined {
    if (this.#keepsText && piece.type === 'text') this.#text += piece.text;
    this.#trace?.piece(piece);
    return this.#show(piece);
  }

  async #read(): Promise<AnswerPiece | undefined> {
    for (;;) {
      const { done, value } = await this.#limit.wait(this.#parts.read());
      if (done) break;
      const piece = this.answer.read(value);
      if (!piece) continue;
      const text = this.#characters[piece.type].add(piece.text).toWellFormed();
      if (text !== '') return { ...piece, text };
    }
    this.answer.finishReason();
    const rest = this.#characters.text.rest().toWellFormed();
    return rest === '' ? undefined : { type: 'text', text: rest };
  }

  /** Ends the request if it has not ended. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#parts.cancel().catch(() => {});
  }
}
