import type { EmbeddingModelV4, LanguageModelV4 } from '@ai-sdk/provider';

import { createLlmProvider } from '../llm/llm-provider.ts';
import type { Llm, LlmProvider } from '../llm/llm.ts';
import type { RankedDocument } from '../llm/rerank.ts';
import type { LlmSettings } from '../llm/settings.ts';
import type { RunOptions } from '../llm/tools/run-options.ts';

const DIMENSIONS = 1024;

/**
 * The models of an app in a test: one model answers for all chat models that it names, vectors and rankings are
 * made of words. Nothing is read from the environment, and nothing goes over the network.
 */
export function scriptedModels(model: LanguageModelV4, given: LlmSettings = {}): LlmProvider {
  const { files = ['*/*'], maxFileBytes, embeddingsDim = DIMENSIONS } = given;
  const settings: LlmSettings = {
    model,
    embeddingsModel: wordVectors(embeddingsDim || DIMENSIONS),
    embeddingsDim,
    files,
    ...(maxFileBytes !== undefined && { maxFileBytes }),
    // A test does not wait.
    retryBaseMs: 1,
  };
  const models = createLlmProvider(settings, {});
  const forRun: LlmProvider['forRun'] = (options) => always(model, models.forRun(options));
  return Object.assign(always(model, models), { forRun });
}

/** The same models, of which one is used whatever a call names. */
function always(model: LanguageModelV4, llm: Llm): Llm {
  return {
    chatCompletionPlain: (messages, options) =>
      llm.chatCompletionPlain(messages, { ...options, model }),
    chatCompletionStructured: (messages, schema, options) =>
      llm.chatCompletionStructured(messages, schema, { ...options, model }),
    chatCompletionWithTools: (messages, tools, options) =>
      llm.chatCompletionWithTools(messages, tools, { ...options, model }),
    stream: (messages, options) => llm.stream(messages, { ...options, model }),
    run: <T extends object>(messages: Parameters<Llm['run']>[0], options?: RunOptions<T>) =>
      llm.run<T>(messages, { ...options, model }),
    createEmbedding: (...args) => llm.createEmbedding(...args),
    createEmbeddings: (...args) => llm.createEmbeddings(...args),
    rerank: async (query, documents, { topN = documents.length } = {}) =>
      ranked(query, documents).slice(0, topN),
    setModel() {},
    get usage() {
      return llm.usage;
    },
  };
}

/** Vectors of texts with words in common are near each other. */
function wordVectors(dimensions: number): EmbeddingModelV4 {
  return {
    specificationVersion: 'v4',
    provider: 'scripted',
    modelId: 'words',
    maxEmbeddingsPerCall: undefined,
    supportsParallelCalls: true,
    async doEmbed({ values }) {
      const embeddings = values.map((text) => wordVector(text, dimensions));
      return { embeddings, usage: { tokens: values.length }, warnings: [] };
    },
  };
}

function wordVector(text: string, dimensions: number): number[] {
  const vector = Array.from({ length: dimensions }, () => 0);
  for (const word of wordsOf(text)) {
    const index = hashOf(word) % dimensions;
    vector[index] = (vector[index] ?? 0) + 1;
  }
  const length = Math.hypot(...vector);
  // A vector of zeroes has no direction.
  return vector.map((value, index) => (length > 0 ? value / length : Number(index === 0)));
}

function ranked(query: string, documents: readonly string[]): RankedDocument[] {
  const wanted = wordsOf(query);
  return documents
    .map((text, index) => {
      const common = [...wordsOf(text)].filter((word) => wanted.has(word)).length;
      return { index, text, score: common / Math.max(1, wanted.size) };
    })
    .toSorted((a, b) => b.score - a.score);
}

function wordsOf(text: string): Set<string> {
  return new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu));
}

/** FNV-1a. */
function hashOf(word: string): number {
  let hash = 0x81_1c_9d_c5;
  for (const char of word) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01_00_01_93) >>> 0;
  return hash;
}
