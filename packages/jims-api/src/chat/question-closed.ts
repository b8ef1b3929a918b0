import { setTimeout as sleep } from 'node:timers/promises';

import type { JimsApp, QuestionRecord } from 'jims-core';

/** How often the question is looked up, as one that is withdrawn may leave nothing in its thread. */
const LOOK_MS = { first: 1000, last: 10_000, growth: 1.5 } as const;

/**
 * Waits until a question is not open any more, and resolves with it. `undefined` when the signal
 * aborts, the app is closed or the thread erased before that.
 */
export async function closedQuestion(
  { questions, threads }: Pick<JimsApp, 'questions' | 'threads'>,
  { questionId, threadId, askedAt }: QuestionRecord,
  signal: AbortSignal,
): Promise<QuestionRecord | undefined> {
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const after = { createdAt: askedAt, id: questionId };
  const news = threads.follow(threadId, { signal: stop, after });
  const isWritten = async (): Promise<boolean> => (await news.next()).done !== true;
  let written = isWritten();
  try {
    for (let ms: number = LOOK_MS.first; ; ms = Math.min(ms * LOOK_MS.growth, LOOK_MS.last)) {
      const pause = sleep(ms, undefined, { signal: stop }).catch(() => undefined);
      const goesOn = await Promise.race([written, pause]);
      if (goesOn === false || signal.aborted) return undefined;
      const now = await questions.find(questionId);
      if (now?.state !== 'open') return now;
      if (goesOn) written = isWritten();
    }
  } finally {
    over.abort();
    written.catch(() => {});
  }
}
