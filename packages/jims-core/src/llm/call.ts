import { isJimsError } from '../errors.ts';
import { startModelSpan } from '../telemetry/model-span.ts';
import type { ModelSpan, ModelSpanOptions } from '../telemetry/model-span.ts';
import { priceOf } from './prices.ts';
import { SlowAnswerError, asJimsError, readFailure } from './provider-failure.ts';
import type { ProviderFailure } from './provider-failure.ts';
import { withRetries } from './retry.ts';
import type { ResolvedLlmSettings } from './settings.ts';
import type { CallUsage } from './usage.ts';

/** What all calls of one run have in common. */
export interface LlmScope {
  readonly settings: ResolvedLlmSettings;
  /** Ends the calls: the run's. */
  readonly signal: AbortSignal | undefined;
  readonly threadId: string | undefined;
  observe(usage: CallUsage): void;
}

/** What may be asked of every call. */
export interface CallOptions {
  /** Ends this call; the run's signal ends it, too. */
  readonly signal?: AbortSignal | undefined;
  /** How long one try may take; for a stream: to its next piece. Milliseconds. */
  readonly timeoutMs?: number | undefined;
}

/** What is called. */
export interface CallTarget extends Omit<ModelSpanOptions, 'threadId'> {
  /** The model as the app named it, for errors. */
  readonly name: string;
}

/** A call under way: it may have several tries, and is one span. */
export interface Call {
  readonly span: ModelSpan;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Tries, as often as it is worth it. Rejects with a JimsError or with the reason of an abort. */
  attempts<T>(attempt: () => Promise<T>): Promise<T>;
  /** Counts an answered request, with its price when nobody has said it. */
  answered(usage: Omit<CallUsage, 'costUsd'>, costUsd?: number): Promise<void>;
  /** Turns what a provider threw into what an app may see. */
  failure(error: unknown): unknown;
  /** To be called once, with what the call failed with. */
  end(error?: unknown): void;
}

export async function startCall(
  scope: LlmScope,
  options: CallOptions,
  what: CallTarget,
): Promise<Call> {
  const { settings, threadId } = scope;
  const signal = anyOf(scope.signal, options.signal);
  signal.throwIfAborted();
  const span = await startModelSpan({ ...what, threadId });
  let tries = 1;

  function onRetry(failed: ProviderFailure, waitMs: number): void {
    tries++;
    span.retried(failed, waitMs);
  }

  function failure(error: unknown): unknown {
    return signal.aborted ? signal.reason : asJimsError(error, what.name, tries);
  }

  return {
    span,
    signal,
    timeoutMs: options.timeoutMs ?? settings.timeoutMs,
    failure,
    async attempts(attempt) {
      try {
        return await withRetries({ policy: settings, signal, onRetry }, () => span.within(attempt));
      } catch (error) {
        throw failure(error);
      }
    },
    async answered(usage, costUsd) {
      const model = usage.model || '-';
      const cost = costUsd ?? (await priceOf(usage, what.provider));
      scope.observe({ ...usage, model, costUsd: cost });
    },
    end(error) {
      span.end(error === undefined ? undefined : spanFailure(error));
    },
  };
}

function spanFailure(error: unknown): { readonly type: string; readonly message: string } {
  const { type, statusCode, message } = readFailure(error);
  if (!isJimsError(error)) return { type, message };
  return { type: statusCode === undefined ? error.code : type, message: error.message };
}

/** A whole call: started, tried, ended. */
export async function callModel<T>(
  scope: LlmScope,
  options: CallOptions,
  what: CallTarget,
  work: (call: Call) => Promise<T>,
): Promise<T> {
  const call = await startCall(scope, options, what);
  try {
    const value = await work(call);
    call.end();
    return value;
  } catch (error) {
    call.end(error);
    throw error;
  }
}

/** Gives `work` a signal that also aborts when it takes too long, and says so. */
export async function inTime<T>(
  { signal, timeoutMs }: Pick<Call, 'signal' | 'timeoutMs'>,
  work: (signal: AbortSignal) => PromiseLike<T>,
): Promise<T> {
  const slow = new AbortController();
  const timer = setTimeout(() => slow.abort(), timeoutMs);
  try {
    return await work(AbortSignal.any([signal, slow.signal]));
  } catch (error) {
    if (slow.signal.aborted && !signal.aborted) throw tooSlow(timeoutMs);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

export function tooSlow(timeoutMs: number): SlowAnswerError {
  return new SlowAnswerError(`nothing came within ${timeoutMs} ms`);
}

function anyOf(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  const given = signals.filter((signal) => signal !== undefined);
  return given.length === 1 && given[0] ? given[0] : AbortSignal.any(given);
}
