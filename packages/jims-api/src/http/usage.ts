import type { ModelUsage } from 'jims-core';

/** What a model was used for, as the wire has it. */
export interface UsageOnWire {
  readonly model: string;
  readonly requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cached_tokens: number;
  /** US dollars; `null` when no price is known. */
  readonly cost_usd: number | null;
}

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
