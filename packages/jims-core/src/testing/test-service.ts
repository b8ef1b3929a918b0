import { setImmediate as nextTurn } from 'node:timers/promises';

import type { JimsApp } from '../app/app.ts';
import { JimsError } from '../errors/jims-error.ts';
import type { LlmProvider } from '../llm/llm.ts';
import { onAbort } from '../run/on-abort.ts';
import { withoutCodeChange } from '../run/run-failure.ts';
import type { Run } from '../run/run.ts';
import { openMemoryDatabase } from '../store/open-store.ts';
import type { MemoryDatabase } from '../store/sqlite/memory-database.ts';
import { differenceOf } from './executions.ts';
import type { Death, DeathPoint } from './mortal-store.ts';
import { observed } from './test-answer.ts';
import type { ObservedRun } from './test-answer.ts';
import { TestProcess } from './test-process.ts';

export interface TestServiceOptions {
  readonly llm: LlmProvider;
  readonly isDurable: boolean;
}

/** An app as it is served in a test: one process after another, on one database in memory. */
export class TestService {
  readonly #own: JimsApp;
  readonly #options: TestServiceOptions;
  #database: Promise<MemoryDatabase> | undefined;
  #process: TestProcess | undefined;
  #running = 0;

  constructor(own: JimsApp, options: TestServiceOptions) {
    this.#own = own;
    this.#options = options;
  }

  /** The process that serves now; the first call starts one. */
  async process(): Promise<TestProcess> {
    this.#database ??= openMemoryDatabase();
    const database = await this.#database;
    this.#process ??= new TestProcess(this.#own, database, this.#options);
    return this.#process;
  }

  /**
   * Runs to the end what `start` begins. With a point the process dies there, and another one goes on.
   *
   * @param signal Cancels the run, also in the other process.
   */
  async run(
    start: (app: JimsApp) => Promise<Run>,
    point?: DeathPoint,
    signal?: AbortSignal,
  ): Promise<ObservedRun> {
    if (point) this.#requireIdle();
    this.#running++;
    try {
      const process = await this.process();
      const died = point && process.mortal.dieAt(point);
      died?.catch(() => {});
      const run = await start(process.app).catch((error: unknown) => {
        if (point) process.mortal.spare();
        throw error;
      });
      const seen = observed(run);
      const first = await (died ? Promise.race([seen, died]) : seen);
      return 'runEvents' in first ? first : await this.#recover(first, signal);
    } finally {
      this.#running--;
    }
  }

  /** Ends the process as if it was killed, and starts another one. */
  async restart(): Promise<JimsApp> {
    this.#requireIdle();
    const { mortal } = await this.process();
    await mortal.kill();
    return this.#next();
  }

  /** The time of an open question is over, and its run goes on. */
  async expire(questionId: string): Promise<ObservedRun> {
    const database = await this.#database;
    database?.expire(questionId);
    // A process looks for such questions when it starts.
    const app = await this.restart();
    for (;;) {
      const runId = (await app.questions.find(questionId))?.answeredBy;
      const run = runId === undefined ? undefined : await (await this.process()).recovered(runId);
      if (run) return observed(run);
      await nextTurn();
    }
  }

  async close(): Promise<void> {
    await this.#process?.app.close();
  }

  async #recover(
    { run: { runId }, outcome }: Death,
    signal: AbortSignal | undefined,
  ): Promise<ObservedRun> {
    const app = await this.#next();
    const run = await (await this.process()).recovered(runId);
    // An app that is closed meanwhile has nothing to cancel.
    const forgetSignal = onAbort(signal, () => void app.runs.cancel(runId).catch(() => {}));
    const seen = withSameCode(await observed(run));
    forgetSignal();
    const record = outcome && (await app.runs.record(runId));
    const difference = record && differenceOf(outcome, record);
    if (difference !== undefined) throw new Error(difference, { cause: causeOf(seen) });
    return seen;
  }

  async #next(): Promise<JimsApp> {
    // What is left of the dead process: its timers.
    this.#process?.app.close().catch(() => {});
    this.#process = undefined;
    const { app } = await this.process();
    await app.open();
    return app;
  }

  #requireIdle(): void {
    if (this.#running > 0) throw oneAtATime();
  }
}

/** What the pipeline threw when it was executed again. */
function causeOf({ end }: ObservedRun): unknown {
  return end.type === 'error' ? end.error.cause : undefined;
}

function withSameCode(seen: ObservedRun): ObservedRun {
  const { end } = seen;
  if (end.type !== 'error' || end.error.code !== 'pipeline_changed') return seen;
  const { code, message, cause } = end.error;
  const error = new JimsError(code, withoutCodeChange(message), { cause });
  return { ...seen, end: { ...end, error } };
}

export function oneAtATime(): Error {
  return new Error('A process that is to die has one turn at a time: await the other one first');
}
