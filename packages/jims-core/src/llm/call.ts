import { isJimsError } from '../errors/jims-error.ts';
import { startModelSpan } from '../telemetry/model-span.ts';
import type { ModelSpan, ModelSpanOptions } from '../telemetry/model-span.ts';
import { exchanges } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { priceOf } from './prices.ts';
import { asJimsError, readFailure } from './provider-failure.ts';
import type { ProviderFailure } from './provider-failure.ts';
import { withRetries } from './retry.ts';
import { checkTimeout } from './settings.ts';
import type { ResolvedLlmSettings } from './settings.ts';
import { TimeLimit } from './time-limit.ts';
import type { CallUsage, TokenCounts } from './usage.ts';

/** What all calls of one run have in common. */
export interface LlmScope {
  readonly settings: ResolvedLlmSettings;
  /** Ends the calls: the run's. */
  readonly signal: AbortSignal | undefined;
  readonly threadId: string | undefined;
  observe(usage: CallUsage): void;
}

/** Options of every call. */
export interface CallOptions {
  /** Ends this call; the run's signal ends it, too. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long one try may go on without a sign of life, such as a piece or a comment that keeps the
   * connection open. Milliseconds; `Infinity` for no limit. Default: the setting `timeoutMs`.
   */
  readonly timeoutMs?: number | undefined;
}

/** What is called. */
export interface CallTarget extends Omit<ModelSpanOptions, 'threadId'> {
  /** The model as the app named it, for errors. */
  readonly name: string;
  /** The time limit when neither the call nor the settings say one. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 120_000;

/** A call under way: it may have several tries, and is one span. */
export interface Call {
  readonly span: ModelSpan;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Tries, as often as it is worth it. Rejects with a JimsError or with the reason of an abort. */
  attempts<T>(attempt: () => Promise<T>): Promise<T>;
  /** Counts an answered request. Its cost is what the provider says, else what its tokens cost. */
  answered(usage: TokenCounts, costUsd?: number): Promise<void>;
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
  const timeoutMs = options.timeoutMs ?? settings.timeoutMs ?? what.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  checkTimeout(timeoutMs);
  const span = await startModelSpan({ ...what, threadId });
  let tries = 1;

  function onRetry(failed: ProviderFailure, waitMs: number): void {
    tries++;
    span.retried(failed, waitMs);
  }

  function failure(error: unknown): unknown {
    if (signal.aborted) return signal.reason;
    return asJimsError(error, { model: what.name, tries, redact: settings.redact });
  }

  return {
    span,
    signal,
    timeoutMs,
    failure,
    async attempts(attempt) {
      try {
        return await withRetries({ policy: settings, signal, onRetry }, () => span.within(attempt));
      } catch (error) {
        throw failure(error);
      }
    },
    async answered(usage, costUsd) {
      const { promptTokens, completionTokens, cachedTokens } = usage;
      const model = usage.model || '-';
      const cost = costUsd ?? (await priceOf(usage, what));
      scope.observe({ model, promptTokens, completionTokens, cachedTokens, costUsd: cost });
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

/** Does the work of one try that ends with a whole answer, for as long as something arrives in time. */
export function inTime<T>(
  { signal, timeoutMs }: Pick<Call, 'signal' | 'timeoutMs'>,
  work: (signal: AbortSignal) => PromiseLike<T>,
  thoughts: Exchange['thoughts'] = new Map(),
): Promise<T> {
  const limit = new TimeLimit(timeoutMs);
  const exchange = { streamed: false, alive: limit.alive, thoughts, done: false };
  return limit.within(signal, (limited) => exchanges.run(exchange, () => work(limited)));
}

function anyOf(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  const given = signals.filter((signal) => signal !== undefined);
  return given.length === 1 && given[0] ? given[0] : AbortSignal.any(given);
}
