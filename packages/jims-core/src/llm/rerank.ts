import { JimsError } from '../errors/jims-error.ts';
import { callModel, inTime } from './call.ts';
import type { Call, CallOptions, LlmScope } from './call.ts';
import { firstVariable, missingVariable } from './environment.ts';
import type { Environment } from './environment.ts';
import {
  HttpStatusError,
  ProviderReportError,
  UnexpectedAnswerError,
  WrongAnswerError,
  checkTexts,
  invalidInput,
} from './failures/errors.ts';
import { errorInAnswer } from './failures/reported-error.ts';
import { membersOf } from './foreign-json.ts';
import { baseUrl } from './providers/base-url.ts';
import { sendableKey } from './secrets.ts';
import { transportFor } from './transport/transport.ts';
import type { Transport } from './transport/transport.ts';

/** Options of `rerank`. */
export interface RerankOptions extends CallOptions {
  /** How many documents are returned; default: all. */
  readonly topN?: number;
  /** Default: the setting `rerankerModel`. */
  readonly model?: string;
}

/** A document, and how well it answers the query. */
export interface RankedDocument {
  /** The index of the document among those that were given. */
  readonly index: number;
  /** 0 to 1; higher is better. */
  readonly score: number;
  readonly text: string;
}

interface RerankQuestion {
  readonly query: string;
  readonly documents: readonly string[];
}

const USD_PER_SEARCH = 0.002;

/** Sorts documents by how well they answer a query, best first. */
export async function rerank(
  scope: LlmScope,
  { query, documents }: RerankQuestion,
  options: RerankOptions,
): Promise<RankedDocument[]> {
  checkTexts(documents, 'Document');
  checkTexts([query], 'Text');
  if (documents.length === 0) return [];
  const { rerankerBackend, rerankerModel, env } = scope.settings;
  if (rerankerBackend !== 'cohere') {
    const reason = `RERANKER_BACKEND is '${rerankerBackend}': only cohere is supported`;
    throw new JimsError('llm_unusable', reason);
  }
  const topN = limitOf(options.topN, documents.length);
  const { url, apiKey } = cohere(env);
  const model = (options.model ?? rerankerModel).replace(/^cohere\//, '');
  const body = JSON.stringify({ model, query, documents, top_n: topN });

  async function attempt(call: Call): Promise<RankedDocument[]> {
    call.trace?.texts(documents, query);
    const answer = await inTime(call, (signal) =>
      post(transportFor(env), { url, apiKey, body, signal }),
    );
    const ranked = rankedIn(answer, documents, topN);
    const usage = { model, promptTokens: 0, completionTokens: 0, cachedTokens: 0 };
    const searches = searchesIn(answer);
    call.trace?.ranking(ranked);
    await call.answered(usage, searches && searches * USD_PER_SEARCH);
    return ranked;
  }

  const callTarget = { operation: 'rerank', name: model, provider: 'cohere', model } as const;
  return callModel(scope, options, callTarget, attempt);
}

function limitOf(topN: number | undefined, documents: number): number {
  if (topN === undefined) return documents;
  if (topN >= 1 && !Number.isNaN(topN)) return Math.min(Math.floor(topN), documents);
  throw invalidInput(`topN is ${topN}: it must be a whole number of at least 1`);
}

function cohere(env: Environment): { readonly url: string; readonly apiKey: string } {
  const key = firstVariable(env, 'COHERE_API_KEY', 'CO_API_KEY');
  if (key === undefined) throw missingVariable('cohere', 'COHERE_API_KEY', 'CO_API_KEY');
  const base = firstVariable(env, 'COHERE_API_BASE');
  const address = base ? baseUrl(base).replace(/\/v\d+$/, '') : 'https://api.cohere.com';
  return { url: `${address}/v2/rerank`, apiKey: sendableKey(key) };
}

interface Post {
  readonly url: string;
  readonly apiKey: string;
  readonly body: string;
  readonly signal: AbortSignal;
}

async function post(send: Transport, { url, apiKey, body, signal }: Post): Promise<unknown> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const response = await send(url, { method: 'POST', headers, body, signal });
  const text = await response.text();
  if (!response.ok) throw new HttpStatusError(response, text);
  if (text.trimStart().startsWith('<')) {
    throw new UnexpectedAnswerError(response.headers.get('content-type') ?? undefined, 'JSON');
  }
  const answer: unknown = JSON.parse(text);
  const error = errorInAnswer(answer);
  if (error) throw new ProviderReportError(error);
  return answer;
}

/** The best documents by score. Each must be one that was sent, and none may be missing. */
function rankedIn(answer: unknown, documents: readonly string[], topN: number): RankedDocument[] {
  const { results } = membersOf(answer);
  if (!Array.isArray(results)) throw new WrongAnswerError('the answer has no results');
  const ranked = results.map((result): RankedDocument => {
    const { index, relevance_score: score } = membersOf(result);
    const text = typeof index === 'number' ? documents[index] : undefined;
    if (typeof index !== 'number' || !isScore(score) || text === undefined) {
      throw new WrongAnswerError('the answer has a result that is not a document with a score');
    }
    return { index, score, text };
  });
  if (new Set(ranked.map(({ index }) => index)).size < ranked.length) {
    throw new WrongAnswerError('the answer has a document twice');
  }
  if (ranked.length < topN) {
    throw new WrongAnswerError(
      `${topN} documents were wanted, and the answer has ${ranked.length}`,
    );
  }
  return ranked.toSorted((a, b) => b.score - a.score).slice(0, topN);
}

function isScore(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** The searches that are billed, if the server says so. */
function searchesIn(answer: unknown): number | undefined {
  const { search_units: searches } = membersOf(
    membersOf(membersOf(answer)['meta'])['billed_units'],
  );
  return typeof searches === 'number' && searches >= 0 && Number.isFinite(searches)
    ? searches
    : undefined;
}
