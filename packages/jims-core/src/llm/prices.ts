import type * as PriceList from '@pydantic/genai-prices';

import type { CallUsage } from './usage.ts';

/** How the price list names the providers that it knows by another name. */
const PROVIDER_IDS: Readonly<Record<string, string>> = { gemini: 'google' };

let loading: Promise<typeof PriceList> | undefined;

/** Starts to load the price list, so that it is there when the first answer comes. */
export function expectPrices(): Promise<typeof PriceList> {
  loading ??= import('@pydantic/genai-prices');
  return loading;
}

/** What a request costs in US dollars; `undefined` for a model whose price is not known. */
export async function priceOf(
  usage: Omit<CallUsage, 'costUsd'>,
  provider: string,
): Promise<number | undefined> {
  const tokens = {
    input_tokens: usage.promptTokens,
    output_tokens: usage.completionTokens,
    cache_read_tokens: usage.cachedTokens,
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
