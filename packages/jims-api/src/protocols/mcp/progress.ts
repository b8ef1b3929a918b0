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

  /** What happens in a run; returns how it ended, `undefined` when nobody knows. */
  async *during(run: Run): AsyncGenerator<SseFrame, RunEnd | undefined, void> {
    let end: RunEnd | undefined;
    for await (const event of this.#withTicks(run.listen())) {
      this.#message = wordsOf(event) ?? this.#message;
      if (event !== 'tick' && isRunEnd(event)) end = event;
      else if (isProgress(event, this.#sinceMs())) yield* this.#frames();
    }
    return end;
  }

  /** The client is asked; returns what comes of it. */
  async *asking<T>(
    question: QuestionRecord,
    outcome: Promise<T>,
  ): AsyncGenerator<SseFrame, T, void> {
    yield messageFrame(elicitation(question));
    for await (const event of this.#withTicks(once(outcome))) {
      if (event === 'tick') yield* this.#frames();
    }
    return outcome;
  }

  #sinceMs(): number {
    return performance.now() - this.#sentAt;
  }

  *#frames(): Generator<SseFrame> {
    if (this.#token === undefined) return;
    this.#sentAt = performance.now();
    const params = {
      progressToken: this.#token,
      progress: ++this.#progress,
      ...(this.#message !== undefined && { message: this.#message }),
    };
    yield messageFrame({ jsonrpc: '2.0', method: 'notifications/progress', params });
  }

  #withTicks<T>(events: AsyncGenerator<T, void, void>): AsyncGenerator<T | 'tick', void, void> {
    const untilTick = (): number => this.#everyMs - this.#sinceMs();
    return withTicks(events, this.#token === undefined ? undefined : untilTick);
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
export function wordsOf(event: NumberedRunEvent | 'tick'): string | undefined {
  if (event === 'tick') return undefined;
  if (event.type === 'status') return event.status.message;
  const work = event.type === 'step' ? event.step : event.type === 'tool' && event.tool;
  return work && work.status === 'running' ? work.title : undefined;
}

function isProgress(event: NumberedRunEvent | 'tick', sinceMs: number): boolean {
  if (event === 'tick' || wordsOf(event) !== undefined) return true;
  return (event.type === 'delta' || event.type === 'reasoning') && sinceMs >= TEXT_PROGRESS_MS;
}

async function* once<T>(value: Promise<T>): AsyncGenerator<T, void, void> {
  yield await value;
}

/** The events, and ticks; `untilTick` says after how many milliseconds the next one is due. */
async function* withTicks<T>(
  events: AsyncGenerator<T, void, void>,
  untilTick: (() => number) | undefined,
): AsyncGenerator<T | 'tick', void, void> {
  if (!untilTick) return yield* events;
  let next = events.next();
  for (;;) {
    const timer = new AbortController();
    const tick = sleep(Math.max(0, untilTick()), 'tick' as const, { signal: timer.signal }).catch(
      () => 'tick' as const,
    );
    const first = await Promise.race([next, tick]);
    timer.abort();
    if (first === 'tick') {
      yield first;
      continue;
    }
    if (first.done) return;
    yield first.value;
    next = events.next();
  }
}
