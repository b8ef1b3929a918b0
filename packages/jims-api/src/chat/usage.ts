import type { RunResult } from 'jims-core';
import type { ModelUsage } from 'jims-core/llm';

/** What a run used of one model, as it is sent to clients. */
export interface UsageOnWire {
  readonly model: string;
  readonly requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cached_tokens: number;
  /** US dollars; `null` when no price is known. */
  readonly cost_usd: number | null;
}

/** Encodes {@link ModelUsage}. */
export function usageOnWire(used: ModelUsage): UsageOnWire {
  return {
    model: used.model,
    requests: used.requests,
    prompt_tokens: used.promptTokens,
    completion_tokens: used.completionTokens,
    cached_tokens: used.cachedTokens,
    cost_usd: used.costUsd ?? null,
  };
}

/** The tokens of all models of a run together. */
export interface TokenCounts {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly total: number;
}

/** Adds up the tokens of a run; 0 when it used no model. */
export function tokensOf({ usage = [] }: Pick<RunResult, 'usage'>): TokenCounts {
  const sum = (count: (model: (typeof usage)[number]) => number): number =>
    usage.reduce((total, model) => total + count(model), 0);
  const input = sum(({ promptTokens }) => promptTokens);
  const output = sum(({ completionTokens }) => completionTokens);
  return { input, output, total: input + output, cached: sum(({ cachedTokens }) => cachedTokens) };
}
