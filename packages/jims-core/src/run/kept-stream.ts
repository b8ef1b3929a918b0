import { FINISH_REASONS } from '../llm/chat/finish-reason.ts';
import type { AnswerStream } from '../llm/llm.ts';
import { isInEntry } from './entry-scope.ts';

/** Keeps the whole text of an answer, and how it ended. */
type Keep = (work: () => Promise<WholeAnswer>) => Promise<WholeAnswer>;
type WholeAnswer = readonly [text: string, finishReason?: string];

/**
 * The stream of a model. In a message that is sent piece by piece it is read as it comes, as the message
 * is kept. A pipeline that reads it itself gets the whole text as one piece when it is durable, because
 * that is what it can get again.
 */
export class KeptStream implements AnswerStream {
  readonly #start: () => AnswerStream;
  readonly #keep: Keep | undefined;
  #stream: AnswerStream | undefined;
  #finishReason: AnswerStream['finishReason'];
  #isRead = false;

  /** @param keep Left out when the pipeline reads it as it comes, too. */
  constructor(start: () => AnswerStream, keep: Keep | undefined) {
    this.#start = start;
    this.#keep = keep;
  }

  get finishReason(): AnswerStream['finishReason'] {
    return this.#finishReason ?? this.#stream?.finishReason;
  }

  /** How it ended, when its text comes from a journal. */
  endAs(finishReason: string | undefined): void {
    this.#finishReason = FINISH_REASONS.find((known) => known === finishReason);
  }

  async next(): Promise<IteratorResult<string, void>> {
    if (!this.#keep || isInEntry() || this.#stream) {
      this.#stream ??= this.#start();
      return this.#stream.next();
    }
    if (this.#isRead) return { done: true, value: undefined };
    this.#isRead = true;
    const [text, finishReason] = await this.#keep(() => readWhole(this.#start()));
    this.endAs(finishReason);
    return { done: false, value: text };
  }

  async return(): Promise<IteratorResult<string, void>> {
    this.#isRead = true;
    await this.#stream?.return();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<string, void>> {
    this.#isRead = true;
    if (!this.#stream) throw error;
    await this.#stream.throw(error);
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

async function readWhole(stream: AnswerStream): Promise<WholeAnswer> {
  let text = '';
  for await (const piece of stream) text += piece;
  const { finishReason } = stream;
  return finishReason === undefined ? [text] : [text, finishReason];
}
