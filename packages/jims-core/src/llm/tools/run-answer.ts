import { addCallFrames, callerOfNow } from '../../errors/call-frames.ts';
import type { ChatMessage } from '../chat/messages.ts';
import type { FinishReason } from '../finish-reasons.ts';
import { PlainHost } from './loop-host.ts';
import type { LoopHost } from './loop-host.ts';
import { Paragraphs } from './paragraphs.ts';
import type { AnswerPart, RunRound } from './run-options.ts';

/**
 * The answer of `ctx.llm.run`, part by part: the text of all rounds, what the model thinks, its calls and
 * their results. Nothing is asked and nothing is called before it is read.
 *
 * @example
 * ```ts
 * const answer = ctx.llm.run(ctx.context(), { tools });
 * await ctx.sendMessage(answer);
 * if (answer.finishReason === 'length') ctx.sendMessage('(I had to stop here.)');
 * ```
 */
export interface RunAnswer extends AsyncGenerator<AnswerPart, void, void> {
  /** Reads it to its end; gives its text. */
  text(): Promise<string>;
  /** How its last round ended; `undefined` until its last part was read. */
  readonly finishReason: FinishReason | undefined;
  /** The rounds that are over. */
  readonly rounds: readonly RunRound[];
  /** What came of it, as messages for the next call: after the messages that it was given. */
  readonly messages: readonly ChatMessage[];
}

/** What a loop says that it did. */
export interface LoopRecord {
  readonly rounds: RunRound[];
  readonly messages: ChatMessage[];
  finishReason: FinishReason | undefined;
}

type Parts = AsyncGenerator<AnswerPart, void, void>;

/** What can be ended. */
export interface Reading {
  return(): Promise<unknown>;
}

export interface ToolAnswerOptions {
  readonly start: (host: LoopHost, record: LoopRecord) => Parts;
  /** The answers that are being read: this one adds itself when it is read. */
  readonly reading: Set<Reading>;
}

export class ToolAnswer implements RunAnswer {
  readonly #options: ToolAnswerOptions;
  readonly #record: LoopRecord = { rounds: [], messages: [], finishReason: undefined };
  readonly #paragraphs = new Paragraphs();
  #hostFor: () => LoopHost = () => new PlainHost();
  #parts: Parts | undefined;

  constructor(options: ToolAnswerOptions) {
    this.#options = options;
  }

  /** Whether somebody reads it already. */
  get hasBegun(): boolean {
    return this.#parts !== undefined;
  }

  /** Whether it ended after tools, without another answer of the model. */
  get wasStopped(): boolean {
    return (this.rounds.at(-1)?.calls.length ?? 0) > 0;
  }

  get finishReason(): FinishReason | undefined {
    return this.#record.finishReason;
  }

  get rounds(): readonly RunRound[] {
    return this.#record.rounds;
  }

  get messages(): readonly ChatMessage[] {
    return this.#record.messages;
  }

  /** Says where its loop runs, at the moment that it is read first. */
  runIn(hostFor: () => LoopHost): this {
    this.#hostFor = hostFor;
    return this;
  }

  async text(): Promise<string> {
    let text = '';
    for await (const part of this) if (part.type === 'text') text += part.text;
    return text;
  }

  async next(): Promise<IteratorResult<AnswerPart, void>> {
    this.#parts ??= this.#read(this.#hostFor());
    try {
      const { done, value } = await this.#parts.next();
      return done ? { done, value: undefined } : { done: false, value: this.#apart(value) };
    } catch (error) {
      addCallFrames(error, callerOfNow());
      throw error;
    }
  }

  async return(): Promise<IteratorResult<AnswerPart, void>> {
    this.#parts ??= nothing();
    await this.#parts.return();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<AnswerPart, void>> {
    await this.return();
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async *#read(host: LoopHost): Parts {
    const { start, reading } = this.#options;
    reading.add(this);
    try {
      yield* start(host, this.#record);
    } finally {
      reading.delete(this);
    }
  }

  #apart(part: AnswerPart): AnswerPart {
    if (part.type === 'tool-result') this.#paragraphs.startNext();
    return part.type === 'text' ? { ...part, text: this.#paragraphs.add(part.text) } : part;
  }
}

async function* nothing(): Parts {}
