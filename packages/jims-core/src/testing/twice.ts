import { isDeepStrictEqual } from 'node:util';

import type { FinishResult, RunOutcomeRecord, RunOwner, Store } from '../store/store.ts';
import { NOBODY } from '../store/store.ts';

/** What one execution of a pipeline came to, as far as the next one must come to the same. */
type Came = Pick<RunOutcomeRecord, 'status' | 'events' | 'error' | 'question'>;

/**
 * A store with which every run is executed twice: its first end is not stored, as if its process had died
 * just before, and the second one is compared with it.
 */
export class TwiceStore {
  readonly store: Store;
  readonly #inner: Store;
  readonly #first = new Map<string, Came>();
  readonly #differences: string[] = [];

  constructor(inner: Store) {
    this.#inner = inner;
    this.store = { ...inner, finishRun: (run, outcome) => this.#finish(run, outcome) };
  }

  /** What was different at second executions: a sentence for each. */
  get differences(): readonly string[] {
    return this.#differences;
  }

  async #finish(run: RunOwner, outcome: RunOutcomeRecord): Promise<FinishResult> {
    const first = this.#first.get(run.runId);
    if (!first && outcome.status === 'completed') {
      this.#first.set(run.runId, structuredClone(came(outcome)));
      await this.#inner.releaseRun(run);
      // So the app looks at once for runs that wait for a process.
      return { kind: 'finished', events: [], next: { runId: run.runId, instanceId: NOBODY } };
    }
    const difference = first && differenceOf(first, came(outcome));
    if (difference !== undefined) this.#differences.push(difference);
    return this.#inner.finishRun(run, outcome);
  }
}

function came({ status, events, error, question }: RunOutcomeRecord): Came {
  return {
    status,
    events,
    ...(error && { error }),
    ...(question && { question: { ...question, kept: {}, config: {} } }),
  };
}

/** Says what the second execution did otherwise; `undefined` when it did the same. */
function differenceOf(first: Came, second: Came): string | undefined {
  if (second.error) return second.error.message;
  for (let n = 0; n < Math.max(first.events.length, second.events.length); n++) {
    const [before, after] = [first.events[n], second.events[n]];
    if (isDeepStrictEqual(before, after)) continue;
    return `The ${n + 1}. event was ${text(before)}, and the second time ${text(after)}: what is different each time belongs into a step`;
  }
  if (isDeepStrictEqual(first.question, second.question)) return undefined;
  return `The question was ${text(first.question)}, and the second time ${text(second.question)}`;
}

function text(value: object | undefined): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}
