import type { RunResult } from 'jims-core';

/** What the models of a run were given and gave, all of them together. */
export interface TokenCounts {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly total: number;
}

/** A run that used no model has used no tokens. */
export function tokensOf({ usage = [] }: Pick<RunResult, 'usage'>): TokenCounts {
  const sum = (count: (model: (typeof usage)[number]) => number): number =>
    usage.reduce((total, model) => total + count(model), 0);
  const input = sum(({ promptTokens }) => promptTokens);
  const output = sum(({ completionTokens }) => completionTokens);
  return { input, output, total: input + output, cached: sum(({ cachedTokens }) => cachedTokens) };
}
