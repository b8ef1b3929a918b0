import { AGE_MS, COUNT, TIMER_MS, numberOptions } from '../errors/number-option.ts';
import type { NumberRange } from '../errors/number-option.ts';
import type { OnBusy } from '../store/store.ts';

/**
 * What the runs of a process may use. Part of the options of `app.open`. `Infinity` stands for as much as can be:
 * of a time that a timer measures that is almost 25 days.
 */
export interface RunLimits {
  /** Unfinished runs in this process, waiting ones included; default 1024. */
  readonly maxRuns: number;
  /**
   * Unfinished runs of one caller in this process, waiting ones included; `undefined`, the default,
   * means a tenth of `maxRuns`.
   */
  readonly maxRunsPerCaller: number | undefined;
  /** Runs that may wait in one thread; default 64. */
  readonly queueLimit: number;
  /** What a run does when its thread is busy and its request does not say; default `queue`. */
  readonly onBusy: OnBusy;
  /** How long a pipeline may take, in milliseconds; default 5 minutes. */
  readonly timeoutMs: number;
  /** How long a pipeline may go on after it was stopped, in milliseconds; default 5 seconds. */
  readonly graceMs: number;
  /**
   * How long other processes believe that this one lives after its last sign of life, in
   * milliseconds; default 15 seconds.
   */
  readonly leaseMs: number;
  /** How many bytes a pipeline may send in one run; default 32 MiB. */
  readonly maxOutputBytes: number;
  /**
   * How many bytes of its thread's log a run loads: the newest events, and the newest value of each
   * state that was set before them. Default 16 MiB; see `ThreadContext.isCut`.
   */
  readonly maxThreadSize: number;
  /** How long an idempotency key is remembered, in milliseconds; default a day. */
  readonly idempotencyTtlMs: number;
  /**
   * How long a thread without a new event is kept, in milliseconds; `undefined`, the default, means
   * for ever.
   */
  readonly retentionMs: number | undefined;
  /** How long a question waits for its answer at most, in milliseconds; default 30 days. */
  readonly questionTtlMs: number;
  /**
   * How long a pipeline that repeats what its chain has done may be busy with something else than its context, in
   * milliseconds; default 10 seconds. After that it has failed with `pipeline_changed`.
   */
  readonly replayWaitMs: number;
}

const SECOND = 1000;
const HOUR = 3600 * SECOND;

/** The limits that count where an app does not set its own. */
export const DEFAULT_RUN_LIMITS: RunLimits = {
  maxRuns: 1024,
  maxRunsPerCaller: undefined,
  queueLimit: 64,
  onBusy: 'queue',
  timeoutMs: 300 * SECOND,
  graceMs: 5 * SECOND,
  leaseMs: 15 * SECOND,
  maxOutputBytes: 32 * 1024 * 1024,
  maxThreadSize: 16 * 1024 * 1024,
  idempotencyTtlMs: 24 * HOUR,
  retentionMs: undefined,
  questionTtlMs: 30 * 24 * HOUR,
  replayWaitMs: 10 * SECOND,
};

const RANGES: Readonly<Record<Exclude<keyof RunLimits, 'onBusy'>, NumberRange>> = {
  maxRuns: COUNT,
  maxRunsPerCaller: COUNT,
  queueLimit: { ...COUNT, least: 0 },
  timeoutMs: TIMER_MS,
  graceMs: { ...TIMER_MS, least: 0 },
  // A shorter one is over before it is noted.
  leaseMs: { ...TIMER_MS, least: 50 },
  maxOutputBytes: COUNT,
  maxThreadSize: COUNT,
  idempotencyTtlMs: AGE_MS,
  retentionMs: AGE_MS,
  questionTtlMs: AGE_MS,
  replayWaitMs: TIMER_MS,
};

/**
 * All limits: those that are given, else the defaults.
 *
 * @throws JimsError `app_invalid` for a limit with which nothing could run.
 */
export function runLimits(given: Partial<RunLimits> = {}): RunLimits {
  return { ...DEFAULT_RUN_LIMITS, ...numberOptions(given, RANGES) };
}
