import type * as Tokenizer from 'gpt-tokenizer/encoding/cl100k_base';

import { JimsError } from '../errors/jims-error.ts';
import { optionalPackage } from './optional-package.ts';

export interface BatchLimits {
  readonly maxTexts: number;
  readonly maxTokens: number;
}

/**
 * Puts texts into batches, in order, each within the limits.
 *
 * @throws JimsError `llm_input_invalid` when a single text is beyond them.
 */
export async function inBatches(
  texts: readonly string[],
  { maxTexts, maxTokens }: BatchLimits,
): Promise<readonly (readonly string[])[]> {
  checkTexts(texts, 'Text');
  const tokensOf = await counter(texts, maxTokens);
  const batches: string[][] = [];
  let batch: string[] = [];
  let used = 0;
  for (const [index, text] of texts.entries()) {
    const tokens = tokensOf(text);
    if (tokens >= maxTokens) throw tooLong(index, tokens, maxTokens);
    if (batch.length >= maxTexts || used + tokens >= maxTokens) {
      if (batch.length > 0) batches.push(batch);
      batch = [];
      used = 0;
    }
    batch.push(text);
    used += tokens;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/** @throws JimsError `llm_input_invalid` for a list in which something is not text. */
export function checkTexts(texts: readonly unknown[], what: 'Text' | 'Document'): void {
  const wrong = Array.isArray(texts) ? texts.findIndex((text) => typeof text !== 'string') : -2;
  if (wrong === -1) return;
  const problem = wrong < 0 ? `${what}s are a list of strings` : `${what} ${wrong} is not text`;
  throw new JimsError('llm_input_invalid', problem);
}

/**
 * A text never has more tokens than bytes. So the tokenizer, which is large, is loaded only when the
 * bytes alone do not show that everything fits into one batch.
 */
async function counter(
  texts: readonly string[],
  maxTokens: number,
): Promise<(text: string) => number> {
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes < maxTokens) return (text) => Buffer.byteLength(text);
  const { countTokens } = await optionalPackage<typeof Tokenizer>(
    'gpt-tokenizer',
    'Counting the tokens of this many texts',
    'gpt-tokenizer/encoding/cl100k_base',
  );
  return (text) => countTokens(text, { disallowedSpecial: new Set() });
}

function tooLong(index: number, tokens: number, maxTokens: number): JimsError {
  return new JimsError(
    'llm_input_invalid',
    `Text ${index} has ${tokens} tokens, and an embedding takes fewer than ${maxTokens}: split it`,
  );
}
