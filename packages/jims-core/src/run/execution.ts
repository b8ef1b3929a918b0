import type { JimsError } from '../errors/jims-error.ts';
import type { LlmProvider } from '../llm/llm.ts';
import { RunLlm } from '../llm/run-llm.ts';
import { callPipeline } from '../pipeline/pipeline.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { ThreadContext } from '../pipeline/thread-context.ts';
import type { ThreadLog } from '../pipeline/thread-log.ts';
import type { AcceptedRun, RunOutcomeRecord, RunOwner, Store } from '../store/store.ts';
import { cutText } from '../text/clean-text.ts';
import type { ThreadEvent } from '../thread/event.ts';
import type { EventCache } from './event-cache.ts';
import { EventLog } from './event-log.ts';
import type { ProgressWriter } from './progress.ts';
import type { RunEndings } from './run-endings.ts';
import { SEQ_OF_LOST_END } from './run-events.ts';
import type { CancelReason, RunEnd } from './run-events.ts';
import { failureOf, fenced } from './run-failure.ts';
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
  readonly #accepted: AcceptedRun;
  readonly #output: RunOutput;
  readonly #stop: StopSwitch;
  readonly #llm: RunLlm;
  readonly #report: RunReport;
  #status: 'queued' | 'running';

  constructor(services: RunServices, request: RunRequest, accepted: AcceptedRun) {
    const { app, instanceId } = services;
    const { runId, attempt, thread, status } = accepted;
    this.owner = { runId, attempt, threadId: thread.id, instanceId };
    this.stream = new EventLog(attempt);
    this.#services = services;
    this.#request = request;
    this.#accepted = accepted;
    this.#status = status;
    this.#output = new RunOutput(this.stream, app.limits.maxOutputBytes);
    this.#stop = new StopSwitch(app.limits.graceMs);
    this.#report = new RunReport(app, this.owner, request.requestId, this.#stop);
    this.run = new Run(accepted, this.stream, this.#stop);
    const { models, metrics, traceContent } = app;
    const { signal } = this.#stop;
    this.#llm = new RunLlm({ models, metrics, traceContent, signal, threadId: thread.id });
  }

  get status(): 'queued' | 'running' {
    return this.#status;
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
      const startEvents = await this.#startConversation();
      const events = await this.#answer();
      end = { type: 'result', result: { startEvents, events, ...this.#llm.used() } };
    } catch (error) {
      end = await this.#endBadly(error);
    }
    clearTimeout(deadline);
    this.#close();
    this.#llm.end();
    this.#pushEnd(end);
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
  }

  /** Runs the conversation-start pipeline of a new thread: its events come before the question. */
  async #startConversation(): Promise<readonly ThreadEvent[]> {
    const { store, conversationStartPipeline: pipeline } = this.#services.app;
    const { createdThread, started } = this.#accepted;
    if (!this.#request.conversationStart || !createdThread || !pipeline || started) return [];
    const context = await this.#createContext();
    return this.#report.counted(pipeline, async () => {
      await this.#runPipeline(pipeline, context);
      // A copy: the store may read it later, and work that the pipeline left behind may still send.
      const sent = [...this.#output.current.sent];
      const appended = await store.appendInRun(this.owner, sent);
      if (appended === 'fenced') throw fenced();
      this.#output.startNext();
      // The store adds the question, held back until now, after them.
      return appended.slice(0, sent.length);
    });
  }

  /** Runs the pipeline, and stores what it sent with the end of the run. */
  async #answer(): Promise<readonly ThreadEvent[]> {
    const { app, endings } = this.#services;
    const pipeline = this.#request.pipeline ?? app.pipeline;
    const context = await this.#createContext();
    return this.#report.counted(pipeline, async () => {
      await this.#runPipeline(pipeline, context);
      this.#close();
      const outcome = this.#outcome({ status: 'completed', events: this.#output.current.sent });
      const stored = await endings.store(this.owner, outcome);
      if (stored === 'fenced') throw fenced();
      return stored;
    });
  }

  async #createContext(): Promise<ThreadContext> {
    const { thread, fresh, attempt, runId } = this.#accepted;
    const log = await this.#services.events.load(thread, fresh);
    return new ThreadContext({
      thread,
      log: attempt > 1 ? withQuestionLast(log, runId) : log,
      output: this.#output.current,
      signal: this.#stop.signal,
      runId,
      principal: this.#request.principal,
      llm: this.#llm.get,
    });
  }

  async #runPipeline(pipeline: Pipeline, context: ThreadContext): Promise<void> {
    await this.#stop.guard(async () => {
      await this.#report.traced(pipeline, () => callPipeline(pipeline, context));
      await this.#output.settled();
    });
    this.#stop.signal.throwIfAborted();
  }

  async #endBadly(error: unknown): Promise<RunEnd> {
    const reason = this.stopReason;
    this.#close();
    if (isCancel(reason)) return this.#endCancelled(reason);
    const end = await this.#endFailed(failureOf(reason, error));
    if (end.type === 'error') this.#report.failed(end.error, error);
    return end;
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
    return { ...outcome, ...this.#llm.used(), lastSeq, progress };
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
