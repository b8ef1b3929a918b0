import type * as Anthropic from '@ai-sdk/anthropic';
import type * as Google from '@ai-sdk/google';
import type { EmbeddingModelV4, LanguageModelV4 } from '@ai-sdk/provider';

import { COMPATIBLE_PROVIDERS, compatibleServer, missing } from './compatible-servers.ts';
import { optionalPackage } from './optional-package.ts';
import { word } from './settings.ts';
import type { CompatibleServer, ResolvedLlmSettings } from './settings.ts';

/** The makers of a provider's models. */
export interface Provider {
  chat(model: string): LanguageModelV4;
  embeddings(model: string): EmbeddingModelV4;
}

/** What may stand before the slash of a model. */
export const PROVIDERS: readonly string[] = [
  'openai',
  'anthropic',
  'gemini',
  'azure',
  ...COMPATIBLE_PROVIDERS,
];

/**
 * Loads a provider's package and gives it its key and address.
 *
 * @throws JimsError `llm_unusable` when the package, the key or the address is missing.
 */
export async function providerOf(
  provider: string,
  settings: ResolvedLlmSettings,
  ownKey: string | undefined,
): Promise<Provider> {
  const { servers, env } = settings;
  const server = servers[provider] ?? compatibleServer(provider, env, ownKey);
  if (server) return compatible(provider, server);
  const keyed = (...names: readonly string[]): string => {
    const key = ownKey ?? word(env, ...names);
    if (key === undefined) throw missing(provider, names);
    return key;
  };
  switch (provider) {
    case 'anthropic':
      return anthropic(keyed('ANTHROPIC_API_KEY'), word(env, 'ANTHROPIC_API_BASE'));
    case 'gemini':
      return gemini(keyed('GEMINI_API_KEY', 'GOOGLE_API_KEY'), word(env, 'GEMINI_API_BASE'));
    case 'azure':
      return azure(keyed('AZURE_API_KEY'), word(env, 'AZURE_API_BASE'), settings);
    default:
      return openai(keyed('OPENAI_API_KEY'), word(env, 'OPENAI_BASE_URL', 'OPENAI_API_BASE'));
  }
}

/** `chat` and not the package's default, which is the Responses API: other servers do not know that one. */
async function openai(apiKey: string, baseURL: string | undefined): Promise<Provider> {
  const { createOpenAI } = await import('@ai-sdk/openai');
  const provider = createOpenAI({ apiKey, ...(baseURL !== undefined && { baseURL }) });
  return {
    chat: (model) => provider.chat(model),
    embeddings: (model) => provider.embeddingModel(model),
  };
}

async function compatible(name: string, server: CompatibleServer): Promise<Provider> {
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
  const provider = createOpenAICompatible({
    name,
    baseURL: server.baseUrl,
    includeUsage: true,
    supportsStructuredOutputs: server.structuredOutputs ?? true,
    ...(server.apiKey !== undefined && { apiKey: server.apiKey }),
  });
  return {
    chat: (model) => provider.chatModel(model),
    embeddings: (model) => provider.embeddingModel(model),
  };
}

/** A deployment's address speaks OpenAI's API; the model's name is the deployment's. */
async function azure(
  apiKey: string,
  base: string | undefined,
  { env }: ResolvedLlmSettings,
): Promise<Provider> {
  if (base === undefined) throw missing('azure', ['AZURE_API_BASE']);
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
  const at = (deployment: string): ReturnType<typeof createOpenAICompatible> =>
    createOpenAICompatible({
      name: 'azure',
      baseURL: `${base.replace(/\/$/, '')}/openai/deployments/${encodeURIComponent(deployment)}`,
      queryParams: { 'api-version': word(env, 'AZURE_API_VERSION') ?? '2024-10-21' },
      headers: { 'api-key': apiKey },
      includeUsage: true,
      supportsStructuredOutputs: true,
    });
  return {
    chat: (model) => at(model).chatModel(model),
    embeddings: (model) => at(model).embeddingModel(model),
  };
}

async function anthropic(apiKey: string, base: string | undefined): Promise<Provider> {
  const { createAnthropic } = await optionalPackage<typeof Anthropic>(
    '@ai-sdk/anthropic',
    'A model of anthropic',
  );
  const baseURL = base && (base.endsWith('/v1') ? base : `${base.replace(/\/$/, '')}/v1`);
  const provider = createAnthropic({ apiKey, ...(baseURL && { baseURL }) });
  return {
    chat: (model) => provider(model),
    embeddings: (model) => provider.embeddingModel(model),
  };
}

async function gemini(apiKey: string, base: string | undefined): Promise<Provider> {
  const { createGoogle } = await optionalPackage<typeof Google>(
    '@ai-sdk/google',
    'A model of gemini',
  );
  const provider = createGoogle({ apiKey, ...(base && { baseURL: base }) });
  return {
    chat: (model) => provider(model),
    embeddings: (model) => provider.embeddingModel(model),
  };
}
