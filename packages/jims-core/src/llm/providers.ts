import type * as Anthropic from '@ai-sdk/anthropic';
import type * as Google from '@ai-sdk/google';
import type { EmbeddingModelV4, LanguageModelV4 } from '@ai-sdk/provider';

import { azureAddress, baseUrl, geminiUrl, versionedUrl } from './base-url.ts';
import {
  COMPATIBLE_PROVIDERS,
  compatibleServer,
  firstSet,
  keyOf,
  missing,
  serverTraits,
} from './compatible-servers.ts';
import type { Given, ReachableServer } from './compatible-servers.ts';
import type { Environment } from './environment.ts';
import { mendingTransport } from './mending-transport.ts';
import { optionalPackage } from './optional-package.ts';
import { sendableKey } from './secrets.ts';
import { word } from './settings.ts';
import type { ResolvedLlmSettings } from './settings.ts';
import { transportFor } from './transport.ts';
import type { Transport } from './transport.ts';

/** The makers of a provider's models. */
export interface Provider {
  chat(model: string): LanguageModelV4;
  embeddings(model: string): EmbeddingModelV4;
}

/** The providers with a package, or with addresses, of their own. */
const PACKAGED: ReadonlySet<string> = new Set(['openai', 'anthropic', 'gemini', 'azure']);

/** What may stand before the slash of a model. */
export const PROVIDERS: readonly string[] = [...PACKAGED, ...COMPATIBLE_PROVIDERS];

/**
 * Loads a provider's package and gives it its key and address.
 *
 * @throws JimsError `llm_unusable` when the package, the key or the address is missing or wrong.
 */
export async function providerOf(
  provider: string,
  settings: ResolvedLlmSettings,
  ownKey: Given | undefined,
): Promise<Provider> {
  const { env } = settings;
  const fetch = transportFor(env);
  const mending = mendingTransport(fetch, serverTraits(provider, settings.servers));
  const server =
    PACKAGED.has(provider) && settings.servers[provider]?.baseUrl === undefined
      ? undefined
      : compatibleServer(provider, settings, ownKey);
  if (server) return compatible(provider, server, mending);
  const keyed = (...names: readonly string[]): string => {
    const key = keyOf(provider, settings.servers) ?? ownKey ?? firstSet(env, names);
    if (key === undefined) throw missing(provider, names);
    return sendableKey(key.name, key.value);
  };
  switch (provider) {
    case 'anthropic':
      return anthropic(keyed('ANTHROPIC_API_KEY'), env, fetch);
    case 'gemini':
      return gemini(keyed('GEMINI_API_KEY', 'GOOGLE_API_KEY'), env, fetch);
    case 'azure':
      return azure(keyed('AZURE_API_KEY'), env, mending);
    default:
      return openai(keyed('OPENAI_API_KEY'), env, mending);
  }
}

/** `chat` and not the package's default, which is the Responses API: other servers do not know that one. */
async function openai(apiKey: string, env: Environment, fetch: Transport): Promise<Provider> {
  const { createOpenAI } = await import('@ai-sdk/openai');
  const base = firstSet(env, ['OPENAI_BASE_URL', 'OPENAI_API_BASE']);
  const provider = createOpenAI({
    apiKey,
    fetch,
    ...(base && { baseURL: openaiAddress(base) }),
  });
  return {
    chat: (model) => provider.chat(model),
    embeddings: (model) => provider.embeddingModel(model),
  };
}

/** OpenAI's own address has a version; of other servers nobody knows. */
function openaiAddress({ name, value }: Given): string {
  const address = baseUrl(name, value);
  return address === 'https://api.openai.com' ? `${address}/v1` : address;
}

async function compatible(
  name: string,
  server: ReachableServer,
  fetch: Transport,
): Promise<Provider> {
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
  const provider = createOpenAICompatible({
    name,
    fetch,
    baseURL: server.baseUrl,
    includeUsage: server.streamUsage,
    supportsStructuredOutputs: server.structuredOutputs,
    ...(server.apiKey !== undefined && { apiKey: server.apiKey }),
  });
  return {
    chat: (model) => provider.chatModel(model),
    embeddings: (model) => provider.embeddingModel(model),
  };
}

/**
 * A deployment's address speaks OpenAI's API; the model's name is the deployment's. The address of
 * Azure's v1 API is the same for all deployments, and has no versions by date.
 */
async function azure(apiKey: string, env: Environment, fetch: Transport): Promise<Provider> {
  const base = word(env, 'AZURE_API_BASE');
  if (base === undefined) throw missing('azure', ['AZURE_API_BASE']);
  const { resource, v1 } = azureAddress('AZURE_API_BASE', base);
  const version = word(env, 'AZURE_API_VERSION');
  const dated = version === undefined || /^\d/.test(version);
  const query = v1 === undefined ? { 'api-version': version ?? '2024-10-21' } : {};
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
  const at = (deployment: string): ReturnType<typeof createOpenAICompatible> =>
    createOpenAICompatible({
      name: 'azure',
      fetch,
      baseURL: v1 ?? `${resource}/openai/deployments/${encodeURIComponent(deployment)}`,
      queryParams: v1 === undefined || dated ? query : { 'api-version': version },
      headers: { 'api-key': apiKey },
      includeUsage: true,
      supportsStructuredOutputs: true,
      transformRequestBody: withCompletionTokens,
    });
  return {
    chat: (model) => at(model).chatModel(model),
    embeddings: (model) => at(model).embeddingModel(model),
  };
}

/** Azure's reasoning models refuse `max_tokens`, and all its chat models take the newer name. */
function withCompletionTokens({
  max_tokens: most,
  ...body
}: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return most === undefined ? body : { max_completion_tokens: most, ...body };
}

async function anthropic(apiKey: string, env: Environment, fetch: Transport): Promise<Provider> {
  const { createAnthropic } = await optionalPackage<typeof Anthropic>(
    '@ai-sdk/anthropic',
    'A model of anthropic',
  );
  const base = word(env, 'ANTHROPIC_API_BASE');
  const provider = createAnthropic({
    apiKey,
    fetch,
    ...(base !== undefined && { baseURL: versionedUrl('ANTHROPIC_API_BASE', base) }),
  });
  return {
    chat: (model) => provider(model),
    embeddings: (model) => provider.embeddingModel(model),
  };
}

async function gemini(apiKey: string, env: Environment, fetch: Transport): Promise<Provider> {
  const { createGoogle } = await optionalPackage<typeof Google>(
    '@ai-sdk/google',
    'A model of gemini',
  );
  const base = word(env, 'GEMINI_API_BASE');
  const provider = createGoogle({
    apiKey,
    fetch,
    ...(base !== undefined && { baseURL: geminiUrl('GEMINI_API_BASE', base) }),
  });
  return {
    chat: (model) => provider(model),
    embeddings: (model) => provider.embeddingModel(model),
  };
}
