import { JimsError } from '../errors/jims-error.ts';
import { baseUrl } from './base-url.ts';
import { checkTexts } from './batches.ts';
import { callModel, inTime } from './call.ts';
import type { Call, CallOptions, LlmScope } from './call.ts';
import { firstSet, missing } from './compatible-servers.ts';
import { membersOf } from './foreign-json.ts';
import { HttpStatusError, UnexpectedAnswerError, WrongAnswerError } from './provider-failure.ts';
import { ProviderReportError, errorInAnswer } from './reported-error.ts';
import { sendableKey } from './secrets.ts';
import { word } from './settings.ts';
import { transportFor } from './transport.ts';
import type { Transport } from './transport.ts';

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
  /** Which of the given documents it is. */
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
  checkTexts(documents, 'Document');
  checkTexts([query], 'Text');
  if (documents.length === 0) return [];
  const { rerankerBackend, rerankerModel, env } = scope.settings;
  if (rerankerBackend !== 'cohere') {
    throw new JimsError(
      'llm_unusable',
      `RERANKER_BACKEND is '${rerankerBackend}': only cohere is known`,
    );
  }
  const topN = mostOf(options.topN, documents.length);
  const key = firstSet(env, ['COHERE_API_KEY', 'CO_API_KEY']);
  if (key === undefined) throw missing('cohere', ['COHERE_API_KEY', 'CO_API_KEY']);
  const apiKey = sendableKey(key.name, key.value);
  const base = word(env, 'COHERE_API_BASE') ?? 'https://api.cohere.com';
  const url = `${baseUrl('COHERE_API_BASE', base).replace(/\/v\d+$/, '')}/v2/rerank`;
  const model = (options.model ?? rerankerModel).replace(/^cohere\//, '');
  const body = JSON.stringify({ model, query, documents, top_n: topN });

  async function attempt(call: Call): Promise<RankedDocument[]> {
    const answer = await inTime(call, (signal) =>
      post(transportFor(env), { url, apiKey, body, signal }),
    );
    const ranked = rankedIn(answer, documents).slice(0, topN);
    const usage = { model, promptTokens: 0, completionTokens: 0, cachedTokens: 0 };
    const searches = searchesIn(answer);
    await call.answered(usage, searches && searches * USD_PER_SEARCH);
    return ranked;
  }

  const what = { operation: 'rerank', name: model, provider: 'cohere', model } as const;
  return callModel(scope, options, what, (call) => call.attempts(() => attempt(call)));
}

function mostOf(topN: number | undefined, documents: number): number {
  if (topN === undefined) return documents;
  if (topN >= 1 && !Number.isNaN(topN)) return Math.min(Math.floor(topN), documents);
  throw new JimsError('llm_input_invalid', `topN is ${topN}: a whole number from 1 is needed`);
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

/** The documents in the answer's order of scores, each of them one that was sent. */
function rankedIn(answer: unknown, documents: readonly string[]): RankedDocument[] {
  const { results } = membersOf(answer);
  if (!Array.isArray(results)) throw new WrongAnswerError('the answer has no results');
  const ranked = results.map((result): RankedDocument => {
    const { index, relevance_score: score } = membersOf(result);
    const text = typeof index === 'number' ? documents[index] : undefined;
    if (typeof index !== 'number' || typeof score !== 'number' || text === undefined) {
      throw new WrongAnswerError('the answer has a result that is not a document with a score');
    }
    return { index, score, text };
  });
  if (new Set(ranked.map(({ index }) => index)).size < ranked.length) {
    throw new WrongAnswerError('the answer has a document twice');
  }
  return ranked.toSorted((a, b) => b.score - a.score);
}

/** What is paid for, where the server says it. */
function searchesIn(answer: unknown): number | undefined {
  const { search_units: searches } = membersOf(
    membersOf(membersOf(answer)['meta'])['billed_units'],
  );
  return typeof searches === 'number' ? searches : undefined;
}
