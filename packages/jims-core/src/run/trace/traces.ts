import { setTimeout as sleep } from 'node:timers/promises';

import { describeError } from '../../errors/jims-error.ts';
import type { JimsError } from '../../errors/jims-error.ts';
import { openTraceStore } from '../../store/open-trace-store.ts';
import type { RunOwner } from '../../store/store.ts';
import type { TraceStore } from '../../store/trace-store.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { sourcePosition } from '../../telemetry/source-position.ts';
import type { KeptTrace, ThrownError, TraceError } from '../../telemetry/trace.ts';
import { cleanJson } from '../../text/clean-text.ts';
import type { RunEnd } from '../run-events.ts';
import { RunTracer } from './run-tracer.ts';
import { TRACE_LIMITS } from './trace-limits.ts';

/** What a run leaves behind, such as a call of a model that is being stopped, gets this long to end. */
const SETTLE_MS = 100;
/** A run that takes longer is written to a file as far as it is: its process may die. */
const SNAPSHOT_MS = 1000;

/** Why a run failed. */
export interface RunFailure {
  /** The error that the run has. */
  readonly error: JimsError;
  /** What was really thrown. */
  readonly thrown: unknown;
}

/** A trace, and which ones there are of the run. */
export interface FoundTrace {
  readonly trace: KeptTrace;
  readonly attempts: readonly number[];
}

/** The traces of the runs of this process; in a file, those of earlier processes, too. */
export class Traces {
  readonly #store: TraceStore;
  /** When the errors of those that have failed are known, with their lines. */
  readonly #described = new WeakMap<RunTracer, Promise<void>>();
  /** Of runs that are not over, or whose traces are not kept yet. */
  readonly #live = new Map<string, RunTracer>();
  readonly #snapshots: NodeJS.Timeout | undefined;

  /** @param file A SQLite file for them; `undefined`: they are kept in memory. */
  static async open(file: string | undefined, logger: Logger): Promise<Traces> {
    const { runs: traces, size, fileSize } = TRACE_LIMITS;
    const inMemory = { traces, size };
    const inFile = { traces, size: fileSize };
    const store = await openTraceStore({ file, inMemory, inFile, logger });
    return new Traces(store, file !== undefined);
  }

  private constructor(store: TraceStore, outlivesProcess: boolean) {
    this.#store = store;
    if (outlivesProcess) this.#snapshots = setInterval(() => this.#keepUnfinished(), SNAPSHOT_MS);
    this.#snapshots?.unref();
  }

  begin(owner: RunOwner): RunTracer {
    const tracer = new RunTracer(owner);
    this.#live.set(keyOf(owner), tracer);
    return tracer;
  }

  /** The run is over, perhaps as something was thrown. Never throws. */
  ended(tracer: RunTracer, end: RunEnd, failure: RunFailure | undefined): void {
    tracer.ended(end);
    const described = failure && this.#describe(tracer, failure);
    if (described) this.#described.set(tracer, described);
    void this.#keepLater(tracer, described);
  }

  /** @param attempt Default: the newest that there is. */
  async find(runId: string, attempt?: number): Promise<FoundTrace | undefined> {
    const live = [...this.#live.values()].filter(({ owner }) => owner.runId === runId);
    const known = [...live.map(({ owner }) => owner.attempt), ...this.#store.attempts(runId)];
    const attempts = [...new Set(known)].toSorted((a, b) => a - b);
    const wanted = attempt ?? attempts.at(-1);
    if (wanted === undefined) return undefined;
    const tracer = live.find(({ owner }) => owner.attempt === wanted);
    if (tracer) await this.#described.get(tracer);
    const trace = tracer?.trace ?? this.#read(runId, wanted);
    return trace && { trace, attempts };
  }

  /** Forgets the traces of threads that are erased. */
  drop(threadIds: readonly string[]): void {
    const gone = new Set(threadIds);
    for (const [key, { owner }] of this.#live) {
      if (gone.has(owner.threadId)) this.#live.delete(key);
    }
    this.#store.drop(threadIds);
  }

  /** Keeps what there is. */
  close(): void {
    clearInterval(this.#snapshots);
    for (const tracer of this.#live.values()) this.#keep(tracer);
    this.#store.close();
  }

  async #keepLater(tracer: RunTracer, described: Promise<void> | undefined): Promise<void> {
    await Promise.all([described, sleep(SETTLE_MS, undefined, { ref: false })]);
    this.#keep(tracer);
  }

  async #describe(tracer: RunTracer, { error, thrown }: RunFailure): Promise<void> {
    const described = describedError(error, thrown);
    tracer.failed(described);
    const stacks = [described.thrown, ...described.causes].flatMap(({ stack }) => stack ?? []);
    tracer.failed({ ...described, source: await sourcePosition(stacks) });
  }

  #keep(tracer: RunTracer): void {
    const { owner } = tracer;
    // It was dropped with its thread, or kept when the app was closed.
    if (this.#live.get(keyOf(owner)) !== tracer) return;
    this.#live.delete(keyOf(owner));
    this.#put(tracer);
  }

  #keepUnfinished(): void {
    for (const tracer of this.#live.values()) this.#put(tracer);
  }

  #put(tracer: RunTracer): void {
    const { runId, threadId, attempt } = tracer.owner;
    this.#store.put({ runId, threadId, attempt, json: cleanJson(tracer.trace) });
  }

  #read(runId: string, attempt: number): KeptTrace | undefined {
    const json = this.#store.get(runId, attempt);
    // Only this class writes it.
    const trace: KeptTrace | undefined = json === undefined ? undefined : JSON.parse(json);
    return trace;
  }
}

function keyOf({ runId, attempt }: Pick<RunOwner, 'runId' | 'attempt'>): string {
  return `${runId}/${attempt}`;
}

type Described = ReturnType<typeof describeError>;

function describedError(error: JimsError, thrown: unknown): TraceError {
  const described = describeError(thrown);
  const causes: ThrownError[] = [];
  for (let next = described.cause; next; next = next.cause) causes.push(thrownError(next));
  return {
    code: error.code,
    detail: error.message,
    thrown: thrownError(described),
    source: undefined,
    causes,
  };
}

function thrownError({ name = 'Error', message, stack }: Described): ThrownError {
  return { name, message, stack };
}
