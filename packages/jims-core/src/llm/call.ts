import { setTimeout as sleep } from 'node:timers/promises';

import { isJimsError } from '../errors/jims-error.ts';
import { TIMER_MS } from '../errors/number-option.ts';
import { startModelSpan } from '../telemetry/model-span.ts';
import type { ModelSpan, ModelSpanOptions } from '../telemetry/model-span.ts';
import type { ModelTraces } from '../telemetry/trace.ts';
import { CallTrace } from './call-trace.ts';
import { SlowAnswerError } from './failures/errors.ts';
import { asJimsError, readFailure } from './failures/failure.ts';
import { checkTimeout } from './settings.ts';
import type { ResolvedLlmSettings } from './settings.ts';
import { exchanges } from './transport/exchange.ts';
import type { Exchange } from './transport/exchange.ts';
import { priceOf } from './usage.ts';
import type { CallUsage, TokenCounts } from './usage.ts';

/** What all calls of one run have in common. */
export interface LlmScope {
  readonly settings: ResolvedLlmSettings;
  /** The run's signal: ends the calls. */
  readonly signal: AbortSignal | undefined;
  readonly threadId: string | undefined;
  readonly observe: (usage: CallUsage) => void;
  /** Where the calls are traced, if they are. */
  readonly traces: ModelTraces | undefined;
  /** The method that the app calls, for the trace. */
  readonly method: string;
}

/** Options of every call. */
export interface CallOptions {
  /** Ends this call when it aborts, as the run's own signal does. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long one try may wait without receiving a byte. A comment that keeps the connection open
   * counts. Milliseconds; `Infinity` for no limit. Default: the setting `timeoutMs`.
   */
  readonly timeoutMs?: number | undefined;
}

/** The model that is called, and what for. */
export interface CallTarget extends Omit<ModelSpanOptions, 'threadId'> {
  /** The model as the app named it, for errors. */
  readonly name: string;
  /** The time limit when neither the call nor the settings set one. Milliseconds. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 120_000;
/** A provider that wants a longer wait fails the call at once. */
const MAX_WAIT_MS = 60_000;

/** A call of a model: one span, and as many tries as it needs. */
export class Call {
  readonly span: ModelSpan;
  /** Only where runs are traced. */
  readonly trace: CallTrace | undefined;
  /** Aborts when the run or the caller stops the call. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly #scope: LlmScope;
  readonly #target: CallTarget;
  #tries = 1;

  private constructor(
    scope: LlmScope,
    target: CallTarget,
    limits: { readonly signal: AbortSignal; readonly timeoutMs: number },
    span: ModelSpan,
  ) {
    this.#scope = scope;
    this.#target = target;
    this.signal = limits.signal;
    this.timeoutMs = limits.timeoutMs;
    this.span = span;
    const { provider, model } = target;
    const operation = scope.method;
    const trace = scope.traces?.begin({ operation, provider, model });
    this.trace = trace && new CallTrace(trace);
  }

  static async start(scope: LlmScope, options: CallOptions, target: CallTarget): Promise<Call> {
    const signal = eitherOf(scope.signal, options.signal);
    signal.throwIfAborted();
    const timeoutMs =
      options.timeoutMs ?? scope.settings.timeoutMs ?? target.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    checkTimeout(timeoutMs);
    const span = await startModelSpan({ ...target, threadId: scope.threadId });
    return new Call(scope, target, { signal, timeoutMs }, span);
  }

  /**
   * Tries again while a try fails in a way that may pass.
   *
   * @throws JimsError for the last failure, or the reason of the signal.
   */
  async attempts<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await this.#retried(() => this.span.within(attempt));
    } catch (error) {
      throw this.failure(error);
    }
  }

  async #retried<T>(attempt: () => Promise<T>): Promise<T> {
    const { tries, retryBaseMs } = this.#scope.settings;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        this.signal.throwIfAborted();
        const failure = readFailure(error);
        const backOffMs = Math.random() * retryBaseMs * 2 ** (this.#tries - 1);
        const waitMs = failure.retryAfterMs ?? backOffMs;
        if (!failure.retryable || this.#tries >= tries || waitMs > MAX_WAIT_MS) throw error;
        this.#tries++;
        this.span.retried(failure, waitMs);
        this.trace?.retried(this.#tries);
        await pause(waitMs, this.signal);
      }
    }
  }

  /** Counts an answered request. `costUsd` is what the provider says; default: the price list. */
  async answered(usage: TokenCounts, costUsd?: number): Promise<void> {
    const { promptTokens, completionTokens, cachedTokens } = usage;
    const model = usage.model || '-';
    const cost = costUsd ?? (await priceOf(usage, this.#target));
    const call = { model, promptTokens, completionTokens, cachedTokens, costUsd: cost };
    this.trace?.paid(call);
    this.#scope.observe(call);
  }

  /** What the app gets for an error of a provider: a JimsError, or the reason of the signal. */
  failure(error: unknown): unknown {
    if (this.signal.aborted) return this.signal.reason;
    const { redact } = this.#scope.settings;
    return asJimsError(error, { model: this.#target.name, tries: this.#tries, redact });
  }

  /** Ends the span; `error` is what the call failed with. Call it once. */
  end(error?: unknown): void {
    this.span.end(error === undefined ? undefined : spanFailure(error));
    this.trace?.end(error);
  }
}

function spanFailure(error: unknown): { readonly type: string; readonly message: string } {
  const { type, statusCode, message } = readFailure(error);
  if (!isJimsError(error)) return { type, message };
  return { type: statusCode === undefined ? error.code : type, message: error.message };
}

/** Makes a whole call: its tries, each of them one `attempt`, and the end of its span. */
export async function callModel<T>(
  scope: LlmScope,
  options: CallOptions,
  target: CallTarget,
  attempt: (call: Call) => Promise<T>,
): Promise<T> {
  const call = await Call.start(scope, options, target);
  try {
    const value = await call.attempts(() => attempt(call));
    call.end();
    return value;
  } catch (error) {
    call.end(error);
    throw error;
  }
}

/** Does the work of one try whose answer comes as a whole. Rejects with a SlowAnswerError. */
export function inTime<T>(
  { signal, timeoutMs }: Pick<Call, 'signal' | 'timeoutMs'>,
  work: (signal: AbortSignal) => PromiseLike<T>,
  thoughts: Exchange['thoughts'] = new Map(),
): Promise<T> {
  const limit = new TimeLimit(timeoutMs);
  const exchange = { streamed: false, alive: limit.alive, thoughts, done: false };
  return limit.within(signal, (limited) => exchanges.run(exchange, () => work(limited)));
}

/** Ends work during which nothing arrives for too long. */
export class TimeLimit {
  readonly #ms: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param ms Milliseconds; `Infinity` for no limit. */
  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Something arrived: the time starts again. */
  readonly alive = (): void => {
    this.#timer?.refresh();
  };

  /** Does `work` with a signal that also aborts when the time is over. Rejects with a SlowAnswerError. */
  within<T>(signal: AbortSignal, work: (signal: AbortSignal) => PromiseLike<T>): Promise<T> {
    const over = new AbortController();
    const limited = AbortSignal.any([signal, over.signal]);
    return this.wait(work(limited), () => over.abort());
  }

  /** Waits for work that has begun. Rejects with a SlowAnswerError when the time is over. */
  async wait<T>(work: PromiseLike<T>, onOver?: () => void): Promise<T> {
    if (this.#ms > TIMER_MS.most) return work;
    const slow = Promise.withResolvers<never>();
    this.#timer = setTimeout(() => {
      slow.reject(new SlowAnswerError(`nothing arrived within ${this.#ms} ms`));
      onOver?.();
    }, this.#ms);
    try {
      return await Promise.race([work, slow.promise]);
    } finally {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }
}

/** Rejects with the signal's own reason, which says who stopped the call. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

function eitherOf(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  const given = signals.filter((signal) => signal !== undefined);
  return given.length === 1 && given[0] ? given[0] : AbortSignal.any(given);
}
