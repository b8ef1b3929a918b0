/** What a model was used for and what it cost. Plain data. */
export type ModelUsage = {
  /** As the provider names it in its answers, such as `gpt-4.1-mini-2025-04-14`. */
  readonly model: string;
  readonly requests: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Those of `promptTokens` that the provider had in its cache. */
  readonly cachedTokens: number;
  /** US dollars, of the requests whose price is known; absent when none is. */
  readonly costUsd?: number;
};

/** One answered request. */
export interface CallUsage {
  readonly model: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  readonly costUsd: number | undefined;
}

/** What is known of a request's tokens before its price. */
export interface TokenCounts extends Omit<CallUsage, 'costUsd'> {
  /** Those of `promptTokens` that the provider put into its cache, which may cost more. */
  readonly cacheWriteTokens?: number;
}

export interface UsageSum {
  add(call: CallUsage): void;
  /** One entry for each model, in the order of first use. */
  readonly total: readonly ModelUsage[];
}

export function createUsageSum(): UsageSum {
  const models = new Map<string, ModelUsage>();
  return {
    add(call) {
      const { model } = call;
      const sum = models.get(model);
      const costs = [sum?.costUsd, call.costUsd].filter((cost) => cost !== undefined);
      models.set(model, {
        model,
        requests: (sum?.requests ?? 0) + 1,
        promptTokens: (sum?.promptTokens ?? 0) + call.promptTokens,
        completionTokens: (sum?.completionTokens ?? 0) + call.completionTokens,
        cachedTokens: (sum?.cachedTokens ?? 0) + call.cachedTokens,
        ...(costs.length > 0 && { costUsd: costs.reduce((total, cost) => total + cost, 0) }),
      });
    },
    get total() {
      return [...models.values()];
    },
  };
}

/**
 * What a store kept of a run's usage; `undefined` when there is none.
 *
 * @example
 * const [first] = readUsage(record.usage) ?? [];
 */
export function readUsage(
  kept: readonly Readonly<Record<string, unknown>>[] | undefined,
): readonly ModelUsage[] | undefined {
  return kept?.filter(isModelUsage);
}

function isModelUsage(value: object): value is ModelUsage {
  return 'model' in value && 'requests' in value && 'promptTokens' in value;
}
