import type * as PriceList from '@pydantic/genai-prices';

import type { TokenCounts } from './usage.ts';

/** How the price list names the providers that it knows by another name. */
const PROVIDER_IDS: Readonly<Record<string, string>> = { gemini: 'google' };

let loading: Promise<typeof PriceList> | undefined;

/** Starts to load the price list, so that it is there when the first answer comes. */
export function expectPrices(): Promise<typeof PriceList> {
  loading ??= import('@pydantic/genai-prices');
  return loading;
}

interface Priced {
  readonly operation: 'chat' | 'embeddings' | 'rerank';
  readonly provider: string;
}

/**
 * What a request costs in US dollars; `undefined` for a model whose price is not known, and for an
 * answer whose tokens are not: none at all is what a provider that does not count says.
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
    const { calcPrice } = await expectPrices();
    const price = calcPrice(tokens, usage.model, {
      providerId: PROVIDER_IDS[provider] ?? provider,
    });
    return price?.total_price;
  } catch {
    // Counts that no price fits, such as more cached tokens than tokens: an unknown price, not a failed call.
    return undefined;
  }
}
