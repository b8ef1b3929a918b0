// What is sent of a tool call before its result.
import { setTimeout as sleep } from 'node:timers/promises';

import { isRunEnd } from 'jims-core';
import type { NumberedRunEvent, QuestionRecord, Run, RunEnd } from 'jims-core';

import { jsonText } from '../../http/fastapi/json-pieces.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { elicitation } from './elicitation.ts';

export interface ProgressOptions {
  /** Sent by clients that want to hear of progress. */
  readonly progressToken: string | number | undefined;
  /** How often a silent stream reports progress, at least. */
  readonly heartbeatMs: number;
}

/** How often progress is sent while nothing happens: many clients wait for it, not for the answer. */
const PROGRESS_MS = 3000;
/** Streamed text and reasoning are progress, but not every piece of it. */
const TEXT_PROGRESS_MS = 200;

/** The progress of a call; its numbers grow over all of its runs. */
export class CallProgress {
  readonly #token: string | number | undefined;
  readonly #everyMs: number;
  #progress = 0;
  #sentAt = performance.now();
  #message: string | undefined;

  constructor({ progressToken, heartbeatMs }: ProgressOptions) {
    this.#token = progressToken;
    this.#everyMs = Math.min(heartbeatMs, PROGRESS_MS);
  }

  /** What happens in a run; returns how it ended. */
  async *during(run: Run): AsyncGenerator<SseFrame, RunEnd, void> {
    if (this.#token === undefined) return run.end;
    const events = run.listen();
    let next = events.next();
    for (;;) {
      const came = await within(next, this.#everyMs - this.#sinceMs());
      if (!came) {
        yield this.#frame();
        continue;
      }
      let event: NumberedRunEvent | undefined = came.value.value ?? undefined;
      if (!event) return run.end;
      let untilDue = 0;
      for (; event; event = events.takeReady()) {
        if (isRunEnd(event)) return event;
        this.#message = wordsOf(event) ?? this.#message;
        untilDue = isText(event) ? TEXT_PROGRESS_MS - this.#sinceMs() : 0;
        if (isProgress(event, this.#sinceMs())) yield this.#frame();
      }
      // Nothing is sent of the pieces that come meanwhile.
      if (untilDue > 0) await within(run.end, untilDue);
      next = events.next();
    }
  }

  /** The client is asked; returns what comes of it. */
  async *asking<T>(
    question: QuestionRecord,
    outcome: Promise<T>,
  ): AsyncGenerator<SseFrame, T, void> {
    yield messageFrame(elicitation(question));
    if (this.#token === undefined) return outcome;
    while (!(await within(outcome, this.#everyMs - this.#sinceMs()))) yield this.#frame();
    return outcome;
  }

  #sinceMs(): number {
    return performance.now() - this.#sentAt;
  }

  #frame(): SseFrame {
    this.#sentAt = performance.now();
    const params = {
      progressToken: this.#token,
      progress: ++this.#progress,
      ...(this.#message !== undefined && { message: this.#message }),
    };
    return messageFrame({ jsonrpc: '2.0', method: 'notifications/progress', params });
  }
}

export function messageFrame(message: object): SseFrame {
  return { event: 'message', data: jsonText(message) };
}

/** What a run has said last that it does, as far as that is there. */
export function lastWords(run: Run): string | undefined {
  const events = run.listen();
  let words: string | undefined;
  for (let event = events.takeReady(); event; event = events.takeReady()) {
    words = wordsOf(event) ?? words;
  }
  return words;
}

/** What the app is doing: its status, or the title of a step or a tool that begins. */
export function wordsOf(event: NumberedRunEvent): string | undefined {
  if (event.type === 'status') return event.status.message;
  const work = event.type === 'step' ? event.step : event.type === 'tool' && event.tool;
  return work && work.status === 'running' ? work.title : undefined;
}

function isProgress(event: NumberedRunEvent, sinceMs: number): boolean {
  return wordsOf(event) !== undefined || (isText(event) && sinceMs >= TEXT_PROGRESS_MS);
}

function isText({ type }: NumberedRunEvent): boolean {
  return type === 'delta' || type === 'reasoning';
}

/** What a promise resolves with, if it does so within a time. */
export async function within<T>(
  promise: Promise<T>,
  ms: number,
): Promise<{ readonly value: T } | undefined> {
  const stop = new AbortController();
  const late = sleep(Math.max(0, ms), undefined, { signal: stop.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise.then((value) => ({ value })), late]);
  } finally {
    stop.abort();
  }
}
