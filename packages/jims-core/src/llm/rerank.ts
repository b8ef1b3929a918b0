import { JimsError } from '../errors.ts';
import { callModel, inTime } from './call.ts';
import type { Call, CallOptions, LlmScope } from './call.ts';
import { missing } from './compatible-servers.ts';
import { HttpStatusError } from './provider-failure.ts';
import { word } from './settings.ts';

export interface RerankOptions extends CallOptions {
  /** How many are wanted; default all. */
  readonly topN?: number;
  /** Default: `RERANKER_MODEL`, else `rerank-v3.5`. */
  readonly model?: string;
}

interface RerankQuestion {
  readonly query: string;
  readonly documents: readonly string[];
}

export interface RankedDocument {
  /** Where it is among the given documents. */
  readonly index: number;
  /** 0 to 1. */
  readonly score: number;
  readonly text: string;
}

const USD_PER_SEARCH = 0.002;

/** Sorts documents by how well they answer a query, best first. */
export async function rerank(
  scope: LlmScope,
  { query, documents }: RerankQuestion,
  options: RerankOptions,
): Promise<RankedDocument[]> {
  if (documents.length === 0) return [];
  const { rerankerBackend, rerankerModel, env } = scope.settings;
  if (rerankerBackend !== 'cohere') {
    throw new JimsError(
      'llm_unusable',
      `RERANKER_BACKEND is '${rerankerBackend}': only cohere is known`,
    );
  }
  const apiKey = word(env, 'COHERE_API_KEY', 'CO_API_KEY');
  if (apiKey === undefined) throw missing('cohere', ['COHERE_API_KEY', 'CO_API_KEY']);
  const base = word(env, 'COHERE_API_BASE') ?? 'https://api.cohere.com';
  const url = `${base.replace(/\/$/, '')}/v2/rerank`;
  const model = (options.model ?? rerankerModel).replace(/^cohere\//, '');
  const body = JSON.stringify({ model, query, documents, top_n: options.topN ?? documents.length });

  async function attempt(call: Call): Promise<RankedDocument[]> {
    const answer = await inTime(call, (signal) =>
      post({ url, apiKey: apiKey ?? '', body, signal }),
    );
    const { results, searches } = read(answer);
    const usage = { model, promptTokens: 0, completionTokens: 0, cachedTokens: 0 };
    await call.answered(usage, searches * USD_PER_SEARCH);
    return results.map(({ index, score }) => ({ index, score, text: documents[index] ?? '' }));
  }

  const what = { operation: 'rerank', name: model, provider: 'cohere', model } as const;
  return callModel(scope, options, what, (call) => call.attempts(() => attempt(call)));
}

interface Post {
  readonly url: string;
  readonly apiKey: string;
  readonly body: string;
  readonly signal: AbortSignal;
}

async function post({ url, apiKey, body, signal }: Post): Promise<unknown> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body, signal });
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  throw new HttpStatusError(response);
}

function read(answer: unknown): {
  readonly results: readonly { readonly index: number; readonly score: number }[];
  readonly searches: number;
} {
  const { results, meta } = objectOf(answer);
  const { search_units: searches } = objectOf(objectOf(meta)['billed_units']);
  return {
    results: (Array.isArray(results) ? results : []).map((result) => {
      const { index, relevance_score: score } = objectOf(result);
      return { index: Number(index), score: Number(score) };
    }),
    searches: typeof searches === 'number' ? searches : 1,
  };
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
