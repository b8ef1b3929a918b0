import { setTimeout as sleep } from 'node:timers/promises';

import type { JimsApp, QuestionRecord, RunRecord } from 'jims-core';

/** A run that has ended with a question. */
export type AskingRun = Pick<RunRecord, 'question' | 'thread' | 'events'>;

/** How often the question is looked up, as one that is withdrawn may leave nothing in its thread. */
const LOOK_MS = { first: 1000, last: 10_000, growth: 1.5 } as const;

/**
 * Waits until the question of a run is not open any more, and resolves with it. `undefined` when the signal
 * aborts, the app is closed or the thread erased before that.
 */
export async function closedQuestion(
  { questions, threads }: Pick<JimsApp, 'questions' | 'threads'>,
  { question, thread, events }: AskingRun,
  signal: AbortSignal,
): Promise<QuestionRecord | undefined> {
  if (!question) return undefined;
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const after = events.at(-1);
  const news = threads.follow(thread.id, { signal: stop, ...(after && { after }) });
  const isWritten = async (): Promise<boolean> => (await news.next()).done !== true;
  let written = isWritten();
  try {
    for (let ms: number = LOOK_MS.first; ; ms = Math.min(ms * LOOK_MS.growth, LOOK_MS.last)) {
      const pause = sleep(ms, undefined, { signal: stop }).catch(() => undefined);
      const goesOn = await Promise.race([written, pause]);
      if (goesOn === false || signal.aborted) return undefined;
      const now = await questions.find(question.questionId);
      if (now?.state !== 'open') return now;
      if (goesOn) written = isWritten();
    }
  } finally {
    over.abort();
    written.catch(() => {});
  }
}
