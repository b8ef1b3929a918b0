import type { Llm } from '../llm/llm.ts';
import { readUsage } from '../llm/usage.ts';
import type { ModelUsage } from '../llm/usage.ts';
import type { ContextFiles } from '../pipeline/context-files.ts';
import { callPipeline, pipelineName } from '../pipeline/pipeline.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { ThreadContext } from '../pipeline/thread-context.ts';
import type { ThreadLog } from '../pipeline/thread-log.ts';
import type { JournalEntry, KeptRun, NewQuestion, RunOwner } from '../store/store.ts';
import type { Principal } from '../thread/principal.ts';
import type { Thread } from '../thread/thread.ts';
import { Parked, leavesRun } from './bad-end.ts';
import { ChainContext } from './chain-context.ts';
import type { JournalCall } from './journal-call.ts';
import { Journal } from './journal.ts';
import { KeptModels } from './kept-models.ts';
import { questionOf } from './new-question.ts';
import type { Replay, ReplayedEntry } from './replay.ts';
import type { RunEndings } from './run-endings.ts';
import type { RunOutput } from './run-output.ts';
import type { RunReport } from './run-report.ts';
import type { StopSwitch } from './stop-switch.ts';

/** What the pipelines of one run have in common. */
export interface PipelineRun {
  readonly owner: RunOwner;
  /** The app's version that executes it. */
  readonly version: string | undefined;
  readonly isDurable: boolean;
  /** Whether answers of models are kept. */
  readonly keepsModels: boolean;
  readonly replayWaitMs: number;
  readonly kept: KeptRun;
  readonly principal: Principal | undefined;
  readonly replay: Replay;
  readonly endings: RunEndings;
  readonly output: RunOutput;
  readonly stop: StopSwitch;
  readonly report: RunReport;
  readonly llm: () => Llm;
  readonly files: ContextFiles;
}

export interface PipelineExecutionOptions {
  readonly part: JournalEntry['part'];
  /** The thread, with the config that its chain has. */
  readonly thread: Thread;
  readonly log: ThreadLog;
  /** The number of its first entry. */
  readonly nextSeq: number;
  /** Why it may not ask anybody; `undefined` when it may. */
  readonly cannotAsk: string | undefined;
}

/** One pipeline of a run, while it is executed. */
export class PipelineExecution {
  readonly #run: PipelineRun;
  readonly #journal: Journal;
  readonly #chain: ChainContext;
  readonly #context: ThreadContext;
  readonly #options: PipelineExecutionOptions;

  constructor(run: PipelineRun, options: PipelineExecutionOptions) {
    const { part, thread, log, nextSeq, cannotAsk } = options;
    const { owner, version, isDurable, kept, replay, endings, principal } = run;
    const { signal } = run.stop;
    const output = run.output.current;
    this.#run = run;
    this.#options = options;
    const journal = new Journal({
      part,
      isDurable,
      replay,
      nextSeq,
      stamp: {
        runId: owner.runId,
        attempt: owner.attempt,
        ...(version !== undefined && { version }),
      },
      store: (entries) => endings.storeEntries(owner, entries, signal),
      replayWaitMs: run.replayWaitMs,
      marksCalls: run.report.tracer !== undefined,
      onReplayed: (replayed) => {
        this.#countReplayed(replayed);
        run.report.tracer?.replayed(replayed);
      },
    });
    output.placedBy(journal);
    const chain = new ChainContext({
      journal,
      replay,
      kept,
      part,
      log,
      output,
      signal,
      isDurable,
      cannotAsk,
    });
    this.#journal = journal;
    this.#chain = chain;
    this.#context = new ThreadContext({
      thread,
      journal: chain,
      output,
      signal,
      runId: owner.runId,
      principal,
      llm: () => this.#models(),
      files: run.files,
    });
  }

  /** The number of the next entry of the chain. */
  get nextSeq(): number {
    return this.#journal.nextSeq;
  }

  /** Lets another process go on at the next call. */
  park(): void {
    this.#journal.park();
  }

  /**
   * Executes the pipeline. Resolves with the call of the question that it waits for, if it does.
   *
   * @throws Parked; what the pipeline throws; the reason of the signal when the run was stopped.
   */
  async execute(pipeline: Pipeline): Promise<JournalCall | undefined> {
    const { stop, report, isDurable } = this.#run;
    const { tracer } = report;
    const { part, log } = this.#options;
    const journal = this.#journal;
    const forgetStop = stop.onStop((reason) =>
      journal.stop({ goesOn: isDurable && leavesRun(reason) }),
    );
    tracer?.pipeline(part, pipelineName(pipeline), log.events);
    const work = async (): Promise<unknown> => callPipeline(pipeline, this.#context);
    const executed = (): Promise<unknown> =>
      report.traced(pipeline, work).catch((error: unknown) => {
        this.#thrown = { error };
        throw error;
      });
    const end = await stop.guard(() => journal.execute(executed));
    if (end.kind === 'parked') throw new Parked();
    tracer?.pipelineEnded();
    stop.signal.throwIfAborted();
    forgetStop();
    return end.kind === 'asked' ? end.call : undefined;
  }

  /** Whether the pipeline threw this. */
  threw(error: unknown): boolean {
    return this.#thrown !== undefined && this.#thrown.error === error;
  }

  /** The question of a call, and the entries that are stored with it. */
  async questionOf(
    call: JournalCall,
    ttlMs: number,
  ): Promise<{ readonly question: NewQuestion; readonly entries: readonly JournalEntry[] }> {
    const { replay, kept } = this.#run;
    const members = await questionOf(this.#chain.requestOf(call), ttlMs);
    const { threadConfig: config } = this.#context;
    const question = { ...members, chainId: replay.chainId, kept, config };
    return { question, entries: this.#journal.entriesWith(call, question.questionId) };
  }

  #countReplayed({ entry }: ReplayedEntry): void {
    this.#replayedUsage.push(...(readUsage(entry.usage) ?? []));
  }

  /** Made when the pipeline first uses one. */
  #models(): Llm {
    const { llm, keepsModels, isDurable } = this.#run;
    this.#kept ??= new KeptModels(llm(), {
      journal: this.#journal,
      keepsAnswers: keepsModels,
      isDurable,
      loop: () => this.#chain.messages.loopOfPipeline(),
      replayedUsage: this.#replayedUsage,
    });
    return this.#kept;
  }
  #kept: Llm | undefined;
  /** What the models were used for whose answers came from an earlier execution. */
  readonly #replayedUsage: ModelUsage[] = [];
  #thrown: { readonly error: unknown } | undefined;
}
