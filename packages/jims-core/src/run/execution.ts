import { RunLlm } from '../llm/run-llm.ts';
import type { CallUsage } from '../llm/usage.ts';
import { FilesOfThread } from '../pipeline/context-files.ts';
import type { AcceptedRun, JournalEntry, RunChain, RunOwner } from '../store/store.ts';
import type { ThreadEvent } from '../thread/event.ts';
import { BadEnd } from './bad-end.ts';
import { countForEntry } from './entry-scope.ts';
import { EventLog } from './event-log.ts';
import { onAbort } from './on-abort.ts';
import { PipelineExecution } from './pipeline-execution.ts';
import type { PipelineRun } from './pipeline-execution.ts';
import { joinedChain, keptOf } from './recovery.ts';
import { Replay } from './replay.ts';
import { SEQ_OF_LOST_END } from './run-events.ts';
import type { RunEnd, RunResult } from './run-events.ts';
import { erased, fenced } from './run-failure.ts';
import { RunOutcome } from './run-outcome.ts';
import { RunOutput } from './run-output.ts';
import { RunReport, lateErrorLog } from './run-report.ts';
import { isDurable, pipelineOf } from './run-services.ts';
import type { AppCode, RunServices } from './run-services.ts';
import { Run } from './run.ts';
import type { RunRequest } from './run.ts';
import { StopSwitch } from './stop-switch.ts';
import type { StopReason } from './stop-switch.ts';
import { TracedLog } from './trace/traced-log.ts';

const NO_QUESTIONS_AT_START =
  'A conversation start cannot ask when it runs with the first message: open the thread with `greet`, where it runs by itself, or let the pipeline ask';
const NO_QUESTIONS_AD_HOC =
  'A pipeline that was given to ThreadController.run cannot ask, as only this process has it: let the pipeline of the app ask';

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
  readonly #files: FilesOfThread;
  readonly #llm: RunLlm;
  readonly #outcome: RunOutcome;
  readonly #report: RunReport;
  /** That of the app when the run began. */
  #code: AppCode;
  /** The chain that it goes on with; `undefined` for a new run. */
  #chain: RunChain | undefined;
  #replay: Replay;
  #pipeline: PipelineExecution | undefined;
  #status: 'queued' | 'running';
  #isParking = false;

  constructor(services: RunServices, request: RunRequest, accepted: AcceptedRun) {
    const { app, instanceId } = services;
    const { runId, attempt, thread, status } = accepted;
    this.owner = { runId, attempt, threadId: thread.id, instanceId };
    this.#stop = new StopSwitch(app.limits.graceMs, lateErrorLog(app, this.owner, request));
    this.#report = new RunReport(app, this.owner, request.requestId, this.#stop);
    const { onToolFailed, tracer: traces } = this.#report;
    this.stream = traces ? new TracedLog(attempt, traces) : new EventLog(attempt);
    this.#services = services;
    this.#code = app.code();
    this.#request = request;
    this.#accepted = accepted;
    this.#status = status;
    this.#chain = accepted.chain;
    this.#replay = Replay.none(accepted.chain?.chainId ?? runId);
    this.#output = new RunOutput(this.stream, app.limits.maxOutputBytes);
    this.run = new Run(accepted, this.stream, this.#stop);
    this.#files = new FilesOfThread(app.files, thread);
    const models: AppCode['models'] = () => this.#code.models();
    const observe = (usage: CallUsage): void => {
      this.#report.modelAnswered(usage);
      countForEntry(usage);
    };
    const { loadFile } = this.#files;
    const { signal } = this.#stop;
    const target = { observe, onToolFailed, traceContent: app.traceContent, traces, signal };
    this.#llm = new RunLlm({ ...target, models, threadId: thread.id, loadFile });
    const { owner, stream } = this;
    this.#outcome = new RunOutcome({ owner, stream, progress: services.progress, llm: this.#llm });
  }

  /** Whether another process can go on with it. */
  get isDurable(): boolean {
    return this.#chain !== undefined || isDurable(this.#services.app, this.#request);
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

  /** Lets another process go on with a durable run as soon as its pipeline comes to its next call. */
  park(): void {
    if (!this.isDurable) return;
    this.#isParking = true;
    if (this.#status === 'queued') this.stop('shutting_down');
    else this.#pipeline?.park();
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
      end = { type: 'result', result: { startEvents, ...answered, ...this.#outcome.used() } };
    } catch (error) {
      end = await this.#endBadly(error);
    }
    clearTimeout(deadline);
    this.#close();
    this.#llm.end();
    if (end.type === 'cancelled' && end.goesOn) this.stream.leave();
    else this.#pushEnd(end);
    this.#report.ended(end, performance.now() - began);
    progress?.remove(this.owner);
    forgetSignal();
    return end;
  }

  /** Whether only its client waits for it, and it has done nothing yet: its client repeats it, so no process goes on with it. */
  get #endsUnread(): boolean {
    const { stopsUnread } = this.#chain?.kept ?? this.#request;
    const isNew = (this.#pipeline?.nextSeq ?? this.#replay.nextSeq) === 0;
    return stopsUnread === true && isNew && this.#chain?.continues === undefined;
  }

  get #timeoutMs(): number {
    const { timeoutMs } = this.#services.app.limits;
    return Math.min(this.#request.timeoutMs ?? timeoutMs, timeoutMs);
  }

  async #waitForTurn(): Promise<void> {
    if (this.#status === 'running') return;
    await this.#report.queued(this.#services.turns.wait(this.owner, this.#stop.signal));
    this.#code = this.#services.app.code();
    this.#status = 'running';
    if (!this.#request.incoming) return;
    this.#chain ??= await joinedChain(this.#services.app.store, this.owner);
  }

  /** Runs the conversation-start pipeline of a new thread: its events come before the question. */
  async #startConversation(): Promise<readonly ThreadEvent[]> {
    const { conversationStartPipeline: pipeline } = this.#code;
    const { createdThread, started } = this.#accepted;
    if (!this.#request.conversationStart || !createdThread || !pipeline || started) return [];
    const execution = await this.#open('start', NO_QUESTIONS_AT_START);
    return this.#report.counted(pipeline, async () => {
      await execution.execute(pipeline);
      // A copy: the store may read it later, and work that the pipeline left behind may still send.
      const sent = [...this.#output.current.unstored];
      const appended = await this.#services.app.store.appendInRun(this.owner, sent);
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
    const adHoc = this.#chain ? undefined : this.#request.pipeline;
    const pipeline = adHoc ?? pipelineOf(this.#code, this.#chain?.kept ?? this.#request);
    const execution = await this.#open('main', adHoc && NO_QUESTIONS_AD_HOC);
    return this.#report.counted(pipeline, async () => {
      const call = await execution.execute(pipeline);
      const { questionTtlMs, retentionMs = questionTtlMs } = app.limits;
      const ttlMs = Math.min(questionTtlMs, retentionMs);
      const waiting = call && (await execution.questionOf(call, ttlMs));
      this.#close();
      const events = this.#output.current.unstored;
      const outcome = this.#outcome.record({ status: 'completed', events, ...waiting });
      const stored = this.isDurable
        ? await endings.storePatiently(this.owner, outcome, this.#stop.signal)
        : await endings.store(this.owner, outcome);
      if (stored === 'fenced') throw fenced();
      if (!waiting) return { events: stored };
      this.#stop.leaveWaiting();
      const question = await app.store.question(waiting.question.questionId);
      return { events: stored, ...(question && { question }) };
    });
  }

  /** What earlier executions of the pipeline have left. */
  async #loadChain(): Promise<void> {
    const { runId, threadId } = this.owner;
    if (!this.#chain) return;
    const record = await this.#services.app.store.loadChain(this.#chain.chainId);
    if (!record) throw erased(threadId);
    this.#replay = Replay.of(record, runId);
    this.#outcome.addUsage(this.#replay.usageOf(runId));
  }

  /** Opens one of the run's pipelines, with what the other one has kept before it. */
  async #open(
    part: JournalEntry['part'],
    cannotAsk: string | undefined,
  ): Promise<PipelineExecution> {
    const { thread } = this.#accepted;
    const { app, endings, events } = this.#services;
    const chain = this.#chain;
    const log = await this.#replay.loadLog(events, this.#accepted, part);
    const run: PipelineRun = {
      owner: this.owner,
      version: this.#code.version,
      isDurable: this.isDurable,
      keepsModels: app.keepsModels,
      replayWaitMs: app.limits.replayWaitMs,
      kept: chain?.kept ?? keptOf(this.#request, this.#code.version),
      principal: chain ? chain.kept.principal : this.#request.principal,
      replay: this.#replay,
      endings,
      output: this.#output,
      stop: this.#stop,
      report: this.#report,
      llm: this.#llm.get,
      files: this.#files,
    };
    const opened = new PipelineExecution(run, {
      part,
      thread: { ...thread, config: chain?.config ?? thread.config },
      log,
      nextSeq: this.#pipeline?.nextSeq ?? this.#replay.nextSeq,
      cannotAsk,
    });
    this.#pipeline = opened;
    if (this.#isParking) opened.park();
    return opened;
  }

  async #endBadly(error: unknown): Promise<RunEnd> {
    const { owner, stopReason: reason } = this;
    this.#close();
    const isThrown = this.#pipeline?.threw(error) ?? false;
    const seen = this.#output.current.seen();
    const hasKey = this.#request.idempotency !== undefined;
    const goesOn = this.isDurable && !this.#endsUnread;
    const kept = { isDurable: goesOn, hasKey, outcome: this.#outcome };
    const bad = new BadEnd({ ...this.#services, owner, ...kept });
    const end = await bad.store({ reason, error, isThrown, seen });
    if (end.type === 'error') this.#report.failed(end.error, error);
    return end;
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
