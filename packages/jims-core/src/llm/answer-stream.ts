import type { FinishReason } from './finish-reason.ts';

/**
 * An answer piece by piece.
 *
 * @example
 * ```ts
 * const answer = ctx.llm.stream(ctx.history);
 * await ctx.sendMessage(answer);
 * if (answer.finishReason === 'length') await ctx.sendMessage('(I had to stop here.)');
 * ```
 */
export interface AnswerStream extends AsyncGenerator<string, void, void> {
  /** How the answer ended; `undefined` until its last piece was read. */
  readonly finishReason: FinishReason | undefined;
}

/** Where a stream leaves how it ended. */
export interface AnswerEnd {
  finishReason: FinishReason | undefined;
}

/** Makes a stream of what gives the pieces and fills in the end. */
export function answerStream(
  pieces: (end: AnswerEnd) => AsyncGenerator<string, void, void>,
): AnswerStream {
  const end: AnswerEnd = { finishReason: undefined };
  const generator = pieces(end);
  return {
    get finishReason() {
      return end.finishReason;
    },
    next: () => generator.next(),
    return: () => generator.return(),
    throw: (error: unknown) => generator.throw(error),
    async [Symbol.asyncDispose]() {
      await generator.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
