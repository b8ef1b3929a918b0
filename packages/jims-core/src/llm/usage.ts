import type * as PriceList from '@pydantic/genai-prices';

/** What one model was used for in a run, and what it cost. Plain data. */
export type ModelUsage = {
  /** The model as the provider names it in its answers, such as `gpt-4.1-mini-2025-04-14`. */
  readonly model: string;
  /** Answered requests. */
  readonly requests: number;
  readonly promptTokens: number;
  /** Reasoning tokens included. */
  readonly completionTokens: number;
  /** The part of `promptTokens` that the provider had in its cache. */
  readonly cachedTokens: number;
  /** US dollars: the sum of the requests with a known price; absent when none has one. */
  readonly costUsd?: number;
};

/** The usage of one answered request. */
export interface CallUsage {
  /** The model as the provider names it in its answer. */
  readonly model: string;
  readonly promptTokens: number;
  /** Reasoning tokens included. */
  readonly completionTokens: number;
  /** The part of `promptTokens` that the provider had in its cache. */
  readonly cachedTokens: number;
  /** US dollars; `undefined` when the price is not known. */
  readonly costUsd: number | undefined;
}

/** The tokens of a request. */
export interface TokenCounts extends Omit<CallUsage, 'costUsd'> {
  /** The part of `promptTokens` that the provider wrote into its cache, which may cost more. */
  readonly cacheWriteTokens?: number;
}

/** Adds up the usage of a run's calls, by model. */
export class UsageSum {
  readonly #models = new Map<string, ModelUsage>();

  add({ costUsd, ...call }: CallUsage): void {
    this.addSum({ ...call, requests: 1, ...(costUsd !== undefined && { costUsd }) });
  }

  /** Adds what another sum has. */
  addSum({ costUsd, ...sum }: ModelUsage): void {
    const before = this.#models.get(sum.model);
    const cost = sumOfCosts([before?.costUsd, costUsd]);
    this.#models.set(sum.model, {
      model: sum.model,
      requests: (before?.requests ?? 0) + sum.requests,
      promptTokens: (before?.promptTokens ?? 0) + sum.promptTokens,
      completionTokens: (before?.completionTokens ?? 0) + sum.completionTokens,
      cachedTokens: (before?.cachedTokens ?? 0) + sum.cachedTokens,
      ...(cost !== undefined && { costUsd: cost }),
    });
  }

  /** One entry for each model, in the order of first use. */
  get total(): readonly ModelUsage[] {
    return [...this.#models.values()];
  }
}

/**
 * Adds up the costs that are known; `undefined` when none is. Without the dust of binary fractions: 0.0012 and not
 * 0.0012000000000000001.
 */
export function sumOfCosts(costs: readonly (number | null | undefined)[]): number | undefined {
  const known = costs.filter((cost) => typeof cost === 'number');
  if (known.length === 0) return undefined;
  return Number(known.reduce((sum, cost) => sum + cost, 0).toPrecision(12));
}

/**
 * Reads the usage that a store kept with a run. Entries of another form are left out.
 *
 * @returns `undefined` when the store kept none.
 * @example
 * const [first] = readUsage(record.usage) ?? [];
 */
export function readUsage(
  stored: readonly Readonly<Record<string, unknown>>[] | undefined,
): readonly ModelUsage[] | undefined {
  return stored?.filter(isModelUsage);
}

function isModelUsage(value: object): value is ModelUsage {
  return 'model' in value && 'requests' in value && 'promptTokens' in value;
}

/** What the price list calls providers that have another name here. */
const PROVIDER_IDS: Readonly<Record<string, string>> = { gemini: 'google' };

let priceList: Promise<typeof PriceList> | undefined;

/** Starts to load the price list, so that it is ready when the first answer arrives. */
export function loadPrices(): Promise<typeof PriceList> {
  priceList ??= import('@pydantic/genai-prices');
  return priceList;
}

interface Priced {
  readonly operation: 'chat' | 'embeddings' | 'rerank';
  readonly provider: string;
}

/**
 * The price of a request in US dollars. `undefined` when the model's price or the number of tokens is
 * not known: providers that do not count report 0 tokens.
 */
export async function priceOf(
  usage: TokenCounts,
  { operation, provider }: Priced,
): Promise<number | undefined> {
  if (operation === 'rerank' || usage.promptTokens === 0) return undefined;
  if (operation === 'chat' && usage.completionTokens === 0) return undefined;
  const tokens = {
    input_tokens: usage.promptTokens,
    output_tokens: usage.completionTokens,
    cache_read_tokens: usage.cachedTokens,
    cache_write_tokens: usage.cacheWriteTokens ?? 0,
  };
  try {
    const { calcPrice } = await loadPrices();
    const price = calcPrice(tokens, usage.model, {
      providerId: PROVIDER_IDS[provider] ?? provider,
    });
    return price?.total_price;
  } catch {
    // Impossible counts, such as more cached tokens than tokens, must not fail a paid call.
    return undefined;
  }
}
