import { setImmediate as nextTurn } from 'node:timers/promises';

import { JimsApp, openAppOf } from '../app/app.ts';
import type { JimsAppOptions } from '../app/options.ts';
import type { LlmProvider } from '../llm/llm.ts';
import { callPipeline, pipelineName } from '../pipeline/pipeline.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Run } from '../run/run.ts';
import type { MemoryDatabase } from '../store/sqlite/memory-database.ts';
import { NOBODY } from '../store/store.ts';
import { withErrorsLeftBehind } from './left-behind.ts';
import { MortalStore } from './mortal-store.ts';

/** A pipeline in a test is rarely busy with anything else than its context for longer. */
const REPLAY_WAIT_MS = 1000;

/** How a test changes an app. */
export interface TestProcessOptions {
  readonly llm: LlmProvider;
  /** Makes the app durable, whatever it is. */
  readonly isDurable: boolean;
}

/** A process that serves an app, on a database in memory. Several of them may work on it, one after another. */
export class TestProcess {
  /** The app with its own code; store, files and models are the test's. */
  readonly app: JimsApp;
  readonly #own: JimsApp;
  readonly mortal: MortalStore;

  constructor(own: JimsApp, database: MemoryDatabase, { llm, isDurable }: TestProcessOptions) {
    this.#own = own;
    this.mortal = new MortalStore(database.store());
    const { durable, conversationStartPipeline: start, pipeline, ...rest } = definitionOf(own);
    const inTest = (code: Pipeline): Pipeline => ({
      name: pipelineName(code),
      run: (ctx) => withErrorsLeftBehind(() => this.standIn(() => callPipeline(code, ctx))),
    });
    this.app = new JimsApp({
      ...rest,
      pipeline: inTest(pipeline),
      ...(start && { conversationStartPipeline: inTest(start) }),
      durable: isDurable ? durable || true : (durable ?? false),
      store: this.mortal.store,
      files: database.files,
      llm,
    });
    // What is wrong, its first use says again.
    this.app.open({ limits: { replayWaitMs: REPLAY_WAIT_MS } }).catch(() => {});
  }

  /** Calls code of the app. Where it uses the app by its name, it gets the one of the test. */
  standIn<T>(work: () => T): T {
    return openAppOf(this.app).standInFor(openAppOf(this.#own), work);
  }

  /** Finds a run that another process has left, as soon as this one goes on with it, or it is over. */
  async recovered(runId: string): Promise<Run> {
    for (;;) {
      const record = await this.app.runs.record(runId);
      if (!record) throw new Error('The thread of the run was erased');
      const run = record.instanceId === NOBODY ? undefined : await this.app.runs.find(runId);
      if (run) return run;
      await nextTurn();
    }
  }
}

/** What an app was defined with. */
export function definitionOf(app: JimsApp): JimsAppOptions {
  return openAppOf(app).definition;
}
