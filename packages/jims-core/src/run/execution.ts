import { isJimsError } from '../errors/jims-error.ts';
import type { JimsError } from '../errors/jims-error.ts';
import type { Llm, LlmProvider } from '../llm/llm.ts';
import { RunLlm } from '../llm/run-llm.ts';
import { UsageSum, readUsage } from '../llm/usage.ts';
import type { CallUsage, ModelUsage } from '../llm/usage.ts';
import { callPipeline } from '../pipeline/pipeline.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { ThreadContext } from '../pipeline/thread-context.ts';
import type { ThreadLog } from '../pipeline/thread-log.ts';
import type { AcceptedRun, KeptRun, RunOutcomeRecord, RunOwner, Store } from '../store/store.ts';
import { cutText } from '../text/clean-text.ts';
import type { JsonObject, ThreadEvent } from '../thread/event.ts';
import { questionOf } from './asking.ts';
import type { Asked } from './asking.ts';
import { ChainContext } from './chain-context.ts';
import { countForEntry } from './entry-scope.ts';
import type { EventCache } from './event-cache.ts';
import { EventLog } from './event-log.ts';
import { Journal } from './journal.ts';
import type { JournalCall } from './journal.ts';
import { KeptModels } from './kept-models.ts';
import type { ProgressWriter } from './progress.ts';
import { keptOf } from './recovery.ts';
import { Replay } from './replay.ts';
import { isUnavailable } from './run-endings.ts';
import type { RunEndings } from './run-endings.ts';
import { SEQ_OF_LOST_END } from './run-events.ts';
import type { CancelReason, RunEnd, RunResult } from './run-events.ts';
import { erased, failureOf, fenced } from './run-failure.ts';
import type { RunLimits } from './run-limits.ts';
import { RunOutput } from './run-output.ts';
import { RunReport } from './run-report.ts';
import type { ReportTarget } from './run-report.ts';
import { Run } from './run.ts';
import type { RunRequest } from './run.ts';
import { StopSwitch, isCancel } from './stop-switch.ts';
import type { StopReason } from './stop-switch.ts';
import type { Turns } from './turns.ts';

/** An app as its runs see it. */
export interface RunnableApp extends ReportTarget {
  readonly store: Store;
  readonly pipeline: Pipeline;
  readonly conversationStartPipeline: Pipeline | undefined;
  readonly limits: RunLimits;
  /** Whether its runs go on in another process when their own one dies. */
  readonly isDurable: boolean;
  /** Whether the model calls of durable runs are kept in their journals. */
  readonly keepsModels: boolean;
  /** Whether this process goes on with runs of others, and with questions; false for a copy of a database. */
  readonly recovers: boolean;
  readonly version: string | undefined;
  readonly models: () => LlmProvider;
  /** Whether spans hold prompts and answers; default: as the app's settings say. */
  readonly traceContent: boolean | undefined;
}

/** What the runs of a process share. */
export interface RunServices {
  readonly app: RunnableApp;
  readonly instanceId: string;
  readonly turns: Turns;
  readonly events: EventCache;
  readonly endings: RunEndings;
  /** Only on stores that several processes share. */
  readonly progress: ProgressWriter | undefined;
}

const MAX_RECORDED_MESSAGE = 4000;
const NO_QUESTIONS_AT_START =
  'A conversation start cannot ask: let the pipeline ask when the first message comes';
const NO_QUESTIONS_AD_HOC =
  'A pipeline that was given to ThreadController.run cannot ask, as only this process has it: let the pipeline of the app ask';

const CANCELLED: Record<CancelReason, string> = {
  cancelled: 'The run was cancelled',
  interrupted: 'A newer message took the place of the run',
  disconnected: 'The run was cancelled, as its client left',
  shutting_down: 'The run was cancelled, as its process ended',
};

/** One attempt of a run in this process, from the moment that it is accepted to its end. */
export class RunExecution {
  readonly run: Run;
  readonly owner: RunOwner;
  readonly stream: EventLog;
  readonly #services: RunServices;
  readonly #request: RunRequest;
  #accepted: AcceptedRun;
  readonly #output: RunOutput;
  readonly #stop: StopSwitch;
  readonly #llm: RunLlm;
  readonly #report: RunReport;
  #replay: Replay;
  #journal: Journal | undefined;
  #status: 'queued' | 'running';
  #isParking = false;
  #hasWaited = false;

  constructor(services: RunServices, request: RunRequest, accepted: AcceptedRun) {
    const { app, instanceId } = services;
    const { runId, attempt, thread, status } = accepted;
    this.owner = { runId, attempt, threadId: thread.id, instanceId };
    this.stream = new EventLog(attempt);
    this.#services = services;
    this.#request = request;
    this.#accepted = accepted;
    this.#status = status;
    this.#replay = Replay.none(accepted.chain?.chainId ?? runId);
    this.#output = new RunOutput(this.stream, app.limits.maxOutputBytes);
    this.#stop = new StopSwitch(app.limits.graceMs);
    this.#report = new RunReport(app, this.owner, request.requestId, this.#stop);
    this.run = new Run(accepted, this.stream, this.#stop);
    const { models, metrics, traceContent } = app;
    const { signal } = this.#stop;
    signal.addEventListener('abort', () => this.#stopJournal(), { once: true });
    const observe = (usage: CallUsage): void => {
      metrics.observeModel(usage);
      countForEntry(usage);
    };
    this.#llm = new RunLlm({ models, observe, traceContent, signal, threadId: thread.id });
  }

  get status(): 'queued' | 'running' {
    return this.#status;
  }

  /** Whether another process goes on with it when this one dies. */
  get isDurable(): boolean {
    return this.#accepted.chain !== undefined || isDurable(this.#services.app, this.#request);
  }

  get stopReason(): StopReason | undefined {
    return this.#stop.reason;
  }

  /** How many bytes its pipelines have sent. */
  get sentBytes(): number {
    return this.#output.sentBytes;
  }

  stop(reason: StopReason): void {
    this.#stop.stop(reason);
  }

  /** Lets another process go on with a durable run as soon as its pipeline comes to its next call. */
  park(): void {
    if (!this.isDurable) return;
    this.#isParking = true;
    if (this.#status === 'queued') this.stop('shutting_down');
    else this.#journal?.park();
  }

  /** Takes the run to its end, which its listeners get, too. Never rejects. */
  async execute(): Promise<RunEnd> {
    const { progress } = this.#services;
    progress?.add(this.stream, this.owner);
    const forgetSignal = onAbort(this.#request.signal, () => this.stop('cancelled'));
    const began = performance.now();
    const deadline = setTimeout(() => this.stop('deadline'), this.#timeoutMs);
    let end: RunEnd;
    try {
      await this.#waitForTurn();
      deadline.refresh();
      await this.#loadChain();
      const startEvents = await this.#startConversation();
      const answered = await this.#answer();
      end = { type: 'result', result: { startEvents, ...answered, ...this.#used() } };
    } catch (error) {
      end = await this.#endBadly(error);
    }
    clearTimeout(deadline);
    this.#close();
    this.#llm.end();
    if (end.type === 'cancelled' && end.goesOn) this.stream.leave();
    else this.#pushEnd(end);
    this.#report.ended(end, performance.now() - began);
    progress?.remove(this.stream);
    forgetSignal();
    return end;
  }

  get #timeoutMs(): number {
    const { timeoutMs } = this.#services.app.limits;
    return Math.min(this.#request.timeoutMs ?? timeoutMs, timeoutMs);
  }

  async #waitForTurn(): Promise<void> {
    if (this.#status === 'running') return;
    await this.#services.turns.wait(this.owner, this.#stop.signal);
    this.#status = 'running';
    this.#hasWaited = true;
  }

  /** Runs the conversation-start pipeline of a new thread: its events come before the question. */
  async #startConversation(): Promise<readonly ThreadEvent[]> {
    const { store, conversationStartPipeline: pipeline } = this.#services.app;
    const { createdThread, started } = this.#accepted;
    if (!this.#request.conversationStart || !createdThread || !pipeline || started) return [];
    const journal = this.#openJournal('start');
    const context = await this.#createContext(journal, NO_QUESTIONS_AT_START);
    return this.#report.counted(pipeline, async () => {
      await this.#runPipeline(pipeline, context.forPipeline, journal);
      // A copy: the store may read it later, and work that the pipeline left behind may still send.
      const sent = [...this.#output.current.unstored];
      const appended = await store.appendInRun(this.owner, sent);
      if (appended === 'fenced') throw fenced();
      this.#output.startNext();
      // The store adds the question, held back until now, after them.
      return appended.slice(0, sent.length);
    });
  }

  /** Runs the pipeline, and stores what it sent with the end of the run. */
  async #answer(): Promise<Pick<RunResult, 'events' | 'question'>> {
    const { app, endings } = this.#services;
    // An answer is the app's, also one that waited to be answered by a pipeline of its own.
    const adHoc = this.#accepted.chain ? undefined : this.#request.pipeline;
    const pipeline = adHoc ?? app.pipeline;
    const journal = this.#openJournal('main');
    const isAdHoc = adHoc !== undefined;
    const context = await this.#createContext(journal, isAdHoc ? NO_QUESTIONS_AD_HOC : undefined);
    return this.#report.counted(pipeline, async () => {
      const call = await this.#runPipeline(pipeline, context.forPipeline, journal);
      const asked = call && (await this.#question(journal, context.chain.askedBy(call), call));
      this.#close();
      const events = this.#output.current.unstored;
      const outcome = this.#outcome({ status: 'completed', events, ...asked });
      const stored = this.isDurable
        ? await endings.storePatiently(this.owner, outcome, this.#stop.signal)
        : await endings.store(this.owner, outcome);
      if (stored === 'fenced') throw fenced();
      if (!asked) return { events: stored };
      this.#stop.leaveWaiting();
      const question = await app.store.question(asked.question.questionId);
      return { events: stored, ...(question && { question }) };
    });
  }

  async #question(
    journal: Journal,
    asked: Asked,
    call: JournalCall,
  ): Promise<Required<Pick<RunOutcomeRecord, 'question' | 'entries'>>> {
    const { questionTtlMs, retentionMs = questionTtlMs } = this.#services.app.limits;
    const question = {
      ...(await questionOf(asked, Math.min(questionTtlMs, retentionMs))),
      chainId: this.#replay.chainId,
      kept: this.#kept,
      config: this.#config,
    };
    return { question, entries: journal.entriesWith(call, question.questionId) };
  }

  /** What earlier executions of the pipeline have left. */
  async #loadChain(): Promise<void> {
    const { chain, runId, started } = this.#accepted;
    const chainId = chain?.chainId ?? (await this.#joinedChain());
    if (chainId === undefined) return;
    const record = await this.#services.app.store.loadChain(chainId);
    if (!record) throw erased(this.owner.threadId);
    this.#replay = Replay.of(record, runId, !started);
    if (chain) return;
    const { kept, config, runs } = record;
    const continues = runs.find((run) => run.runId === runId)?.continues;
    this.#accepted = { ...this.#accepted, chain: { chainId, continues, kept, config } };
  }

  /** The chain of a message that became the answer to an `early` question while it waited. */
  async #joinedChain(): Promise<string | undefined> {
    if (!this.#hasWaited) return undefined;
    const record = await this.#services.app.store.run(this.owner.runId);
    return record?.continues === undefined ? undefined : record.chainId;
  }

  #openJournal(part: 'start' | 'main'): Journal {
    const { app, endings } = this.#services;
    const { runId, attempt } = this.owner;
    const { version } = app;
    const journal = new Journal({
      part,
      isDurable: this.isDurable,
      replay: this.#replay,
      nextSeq: this.#journal?.nextSeq ?? this.#replay.nextSeq,
      stamp: { runId, attempt, ...(version !== undefined && { version }) },
      store: (entries) => endings.storeEntries(this.owner, entries, this.#stop.signal),
    });
    this.#journal = journal;
    this.#output.current.placedBy(journal);
    if (this.#isParking) journal.park();
    if (this.#stop.reason) this.#stopJournal();
    return journal;
  }

  /** The signal of a run that waits for an answer aborts, too, when there is nothing left to stop. */
  #stopJournal(): void {
    const goesOn = this.isDurable && goesOnElsewhere(this.stopReason, undefined);
    this.#journal?.stop({ goesOn });
  }

  async #createContext(journal: Journal, cannotAsk: string | undefined): Promise<OpenContext> {
    const { thread, fresh, attempt, runId, chain } = this.#accepted;
    const log = await this.#services.events.load(thread, fresh);
    const isAgain = attempt > 1 && chain === undefined;
    const output = this.#output.current;
    const { signal } = this.#stop;
    const chainContext = new ChainContext({
      journal,
      replay: this.#replay,
      kept: this.#kept,
      log: isAgain ? withQuestionLast(log, runId) : log,
      part: journal.part,
      output,
      signal,
      isDurable: this.isDurable,
      cannotAsk,
    });
    const forPipeline = new ThreadContext({
      thread: { ...thread, config: this.#config },
      journal: chainContext,
      output,
      signal,
      runId,
      principal: chain ? chain.kept.principal : this.#request.principal,
      llm: this.#llmFor(journal),
    });
    return { chain: chainContext, forPipeline };
  }

  /** The models of a pipeline; made when it first uses one. */
  #llmFor(journal: Journal): () => Llm {
    const { keepsModels } = this.#services.app;
    let kept: Llm | undefined;
    return () =>
      (kept ??= keepsModels
        ? new KeptModels(this.#llm.get(), journal, this.isDurable)
        : this.#llm.get());
  }

  /** Resolves with the question that the pipeline waits for, if it does. */
  async #runPipeline(
    pipeline: Pipeline,
    context: ThreadContext,
    journal: Journal,
  ): Promise<JournalCall | undefined> {
    let call: JournalCall | undefined;
    await this.#stop.guard(async () => {
      const work = (): unknown => callPipeline(pipeline, context);
      const end = await journal.execute(() => this.#report.traced(pipeline, work));
      if (end.kind === 'parked') throw new Parked();
      if (end.kind === 'asked') ({ call } = end);
    });
    this.#stop.signal.throwIfAborted();
    return call;
  }

  get #kept(): KeptRun {
    return this.#accepted.chain?.kept ?? keptOf(this.#request, this.#services.app.version);
  }

  /** The thread's config as it was when its chain began. */
  get #config(): JsonObject {
    return this.#accepted.chain?.config ?? this.#accepted.thread.config;
  }

  async #endBadly(error: unknown): Promise<RunEnd> {
    const reason = this.stopReason;
    this.#close();
    if (this.isDurable && goesOnElsewhere(reason, error)) return this.#leaveToOthers(error);
    if (isCancel(reason)) return this.#endCancelled(reason);
    const end = await this.#endFailed(failureOf(reason, error));
    if (end.type === 'error') this.#report.failed(end.error, error);
    return end;
  }

  /** A durable run does not end with its process. One that this process has lost may be over. */
  async #leaveToOthers(error: unknown): Promise<RunEnd> {
    const { endings } = this.#services;
    if (isLost(error) || this.stopReason === 'lost') {
      const end = await endings.lookUp(this.owner);
      if (end.type !== 'error' || !mayGoOn(end.error)) return end;
    } else {
      await endings.release(this.owner);
    }
    return { type: 'cancelled', reason: 'shutting_down', events: [], goesOn: true };
  }

  async #endCancelled(reason: CancelReason): Promise<RunEnd> {
    const { endings } = this.#services;
    const recorded = { code: reason, message: CANCELLED[reason] };
    const events = this.#output.current.seen();
    const outcome = this.#outcome({ status: 'cancelled', events, error: recorded });
    const stored = await endings.storeSurely(this.owner, outcome);
    if (stored === 'fenced') return endings.lookUp(this.owner);
    return { type: 'cancelled', reason, events: stored };
  }

  async #endFailed(failure: JimsError): Promise<RunEnd> {
    const { endings } = this.#services;
    const { code, message } = failure;
    const recorded = { code, message: cutText(message, MAX_RECORDED_MESSAGE) };
    const outcome = this.#outcome({ status: 'failed', events: [], error: recorded });
    const stored = await endings.storeSurely(this.owner, outcome);
    return stored === 'fenced' ? endings.lookUp(this.owner) : { type: 'error', error: failure };
  }

  #outcome(outcome: Omit<RunOutcomeRecord, 'lastSeq' | 'progress'>): RunOutcomeRecord {
    const progress = this.#services.progress?.rest(this.stream) ?? [];
    // One more than there are: the end itself.
    const lastSeq = this.stream.lastSeq + 1;
    return { ...outcome, ...this.#used(), lastSeq, progress };
  }

  /** The models that all attempts of the run have used, as far as the journal knows. */
  #used(): { readonly usage?: readonly ModelUsage[] } {
    const earlier = readUsage(this.#replay.usageOf(this.owner.runId)) ?? [];
    const used = this.#llm.used();
    if (earlier.length === 0) return used;
    const sum = new UsageSum();
    for (const usage of [...earlier, ...(used.usage ?? [])]) sum.addSum(usage);
    return { usage: sum.total };
  }

  #close(): void {
    this.#output.close();
    this.#stop.close();
  }

  #pushEnd(end: RunEnd): void {
    const { attempt, lastSeq } = this.stream;
    const isLost = end.type === 'error' && end.error.code === 'lost';
    this.stream.pushNumbered({ ...end, attempt, seq: isLost ? SEQ_OF_LOST_END : lastSeq + 1 });
  }
}

/** The pipeline has come to a call that another process makes. */
class Parked extends Error {}

/** A context, for the pipeline and for what its run reads of it. */
interface OpenContext {
  readonly chain: ChainContext;
  readonly forPipeline: ThreadContext;
}

/** Whether a run can go on when its process dies: one with a pipeline of its own is in no other process. */
export function isDurable(app: RunnableApp, request: RunRequest): boolean {
  return app.isDurable && request.pipeline === undefined;
}

function goesOnElsewhere(reason: StopReason | undefined, error: unknown): boolean {
  if (reason !== undefined) return reason === 'shutting_down' || reason === 'lost';
  return error instanceof Parked || isUnavailable(error) || isLost(error);
}

function isLost(error: unknown): boolean {
  return isJimsError(error) && error.code === 'lost';
}

/** Whether an end that was looked up says only that the run is not this process's. */
function mayGoOn(error: JimsError): boolean {
  return error.code === 'lost' || error.code === 'store_unavailable';
}

/** A lost run answers its own message, although others may have come since that was stored. */
function withQuestionLast(log: ThreadLog, runId: string): ThreadLog {
  const question = log.findLast((event) => event.id === runId);
  return question ? log.withLast(question) : log;
}

/** Returns what ends the listening: a signal may live much longer than what listens to it. */
function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal?.aborted) listener();
  else signal?.addEventListener('abort', listener, { once: true });
  return () => signal?.removeEventListener('abort', listener);
}
