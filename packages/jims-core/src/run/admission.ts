import { JimsError } from '../errors/jims-error.ts';
import type { JimsErrorCode } from '../errors/jims-error.ts';
import { threadBusy, threadNotFound } from '../store/refusals.ts';
import { RETRIED_CODES } from '../store/store.ts';
import type { AcceptResult, RetryResult } from '../store/store.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { createCallerShares, defaultShare } from './caller-shares.ts';
import type { CallerShares } from './caller-shares.ts';
import type { RunLimits } from './run-limits.ts';
import type { RunRequest } from './run.ts';
import { within } from './within.ts';

/** The codes with which the engine refuses runs; see `Metrics.countRefusal`. */
export const CORE_REFUSALS: readonly JimsErrorCode[] = [
  'overloaded',
  'too_many_runs',
  'shutting_down',
  'code_broken',
  'queue_full',
  'thread_busy',
  'thread_not_found',
  'key_reused',
];

/** Lets runs into this process, as many as it may have. */
export class Admission {
  readonly #maxRuns: number;
  readonly #metrics: Metrics;
  readonly #shares: CallerShares;
  #count = 0;
  #isClosed = false;
  /** Resolves when all runs have left. */
  #empty: PromiseWithResolvers<true> | undefined;

  constructor({ maxRuns, maxRunsPerCaller = defaultShare(maxRuns) }: RunLimits, metrics: Metrics) {
    this.#maxRuns = maxRuns;
    this.#metrics = metrics;
    this.#shares = createCallerShares(maxRunsPerCaller);
  }

  /**
   * Counts a run, also for its caller. Returns what ends that, to be called once.
   *
   * @throws JimsError `shutting_down` after `close`, `overloaded`, or `too_many_runs` when the caller
   * has used up their share.
   */
  enter(caller: string | undefined): () => void {
    this.requireOpen();
    if (this.#count >= this.#maxRuns) {
      this.#refuse('overloaded', 'The service runs as much as it may: try again later');
    }
    if (this.#shares.isFull(caller)) {
      const message = 'Too many messages of this contact are unanswered: try again later';
      this.#refuse('too_many_runs', message);
    }
    this.#count++;
    this.#shares.enter(caller);
    return () => this.#leave(caller);
  }

  /** @throws JimsError `shutting_down` after `close`. */
  requireOpen(): void {
    if (this.#isClosed) this.#refuse('shutting_down', 'The service is shutting down');
  }

  /** Counts a run that was accepted before, by another process: it is not refused. */
  enterAgain(): () => void {
    this.#count++;
    return () => this.#leave(undefined);
  }

  /** Whether the caller has used up their share. */
  isFull(caller: string | undefined): boolean {
    return this.#shares.isFull(caller);
  }

  /** Refuses all runs from now on. */
  close(): void {
    this.#isClosed = true;
  }

  /** Resolves with true as soon as all runs have left, with false when that takes longer. */
  async emptyWithin(ms: number): Promise<boolean> {
    if (this.#count === 0) return true;
    this.#empty ??= Promise.withResolvers<true>();
    return (await within(ms, this.#empty.promise)) ?? false;
  }

  #leave(caller: string | undefined): void {
    this.#count--;
    this.#shares.leave(caller);
    if (this.#count > 0) return;
    this.#empty?.resolve(true);
    this.#empty = undefined;
  }

  #refuse(code: JimsErrorCode, message: string): never {
    this.#metrics.countRefusal(code);
    throw new JimsError(code, message);
  }
}

/** The error of a run that cannot be executed once more. */
export function notRetried(
  runId: string,
  result: Exclude<RetryResult, { readonly kind: 'accepted' | 'run_not_found' }>,
): JimsError {
  if (result.kind === 'queue_full') return queueFull();
  const reasons = RETRIED_CODES.join(', ');
  return new JimsError(
    'run_not_retried',
    `Run '${runId}' is ${result.status}: only a durable run is retried that failed with one of ${reasons}`,
  );
}

/** The error of a process on a copy of a database: it must not do what the service of that does. */
export function recoveryOff(does: string): JimsError {
  return new JimsError(
    'recovery_off',
    `This process ${does}, as it does not go on with runs: its recovery is off`,
  );
}

/** The error of a request that the store did not accept. */
export function refusal(
  kind: Exclude<AcceptResult['kind'], 'accepted' | 'existing'>,
  { thread }: Pick<RunRequest, 'thread'>,
): JimsError {
  switch (kind) {
    case 'thread_not_found':
      return threadNotFound(thread.kind === 'thread' ? thread.threadId : '');
    case 'thread_moved':
      return new JimsError(kind, 'The thread went on, or another one took over from it, meanwhile');
    case 'thread_busy':
      return threadBusy();
    case 'file_not_found':
      return new JimsError(kind, 'A file of the message is unknown: upload it again');
    case 'queue_full':
      return queueFull();
    case 'key_reused':
      return new JimsError(kind, 'The idempotency key was used for another request: use a new one');
    case 'question_not_found':
      return new JimsError(kind, 'There is no such question in this thread');
    case 'question_closed':
      return new JimsError(kind, 'The question was answered or withdrawn already');
    case 'question_expired':
      return new JimsError(kind, 'The time to answer the question is over');
  }
}

function queueFull(): JimsError {
  return new JimsError('queue_full', 'Too many messages wait in this thread: try again later');
}
