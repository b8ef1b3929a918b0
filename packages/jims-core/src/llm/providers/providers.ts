import type * as Anthropic from '@ai-sdk/anthropic';
import type * as Google from '@ai-sdk/google';
import type { EmbeddingModelV4, LanguageModelV4 } from '@ai-sdk/provider';

import { optionalPackage } from '../../errors/optional-package.ts';
import { firstVariable, missingVariable, variable } from '../environment.ts';
import type { Environment, NamedValue } from '../environment.ts';
import { sendableKey } from '../secrets.ts';
import type { ResolvedLlmSettings } from '../settings.ts';
import { compatibleTransport } from '../transport/compatible-transport.ts';
import { transportFor } from '../transport/transport.ts';
import type { Transport } from '../transport/transport.ts';
import { azureAddress, baseUrl, geminiUrl, versionedUrl } from './base-url.ts';
import {
  COMPATIBLE_PROVIDERS,
  compatibleServer,
  serverKey,
  serverTraits,
} from './compatible-servers.ts';
import type { ReachableServer } from './compatible-servers.ts';

/** Makes the models of a provider. */
export interface Provider {
  chat(model: string): LanguageModelV4;
  embeddings(model: string): EmbeddingModelV4;
}

/** The providers with a package or addresses of their own. */
const PACKAGED: ReadonlySet<string> = new Set(['openai', 'anthropic', 'gemini', 'azure']);

/** The names of all known providers, as they stand before the slash of a model. */
export const PROVIDERS: readonly string[] = [...PACKAGED, ...COMPATIBLE_PROVIDERS];

/**
 * Loads a provider's package and gives it its key and address.
 *
 * @throws JimsError `llm_unusable` when the package, the key or the address is missing or wrong.
 */
export async function providerOf(
  provider: string,
  settings: ResolvedLlmSettings,
  modelKey: NamedValue | undefined,
): Promise<Provider> {
  const { env } = settings;
  const fetch = transportFor(env);
  const compatibleFetch = compatibleTransport(fetch, serverTraits(provider, settings.servers));
  const server =
    PACKAGED.has(provider) && settings.servers[provider]?.baseUrl === undefined
      ? undefined
      : compatibleServer(provider, settings, modelKey);
  if (server) return compatible(provider, server, compatibleFetch);
  const keyed = (...names: readonly string[]): string => {
    const key = serverKey(provider, settings.servers) ?? modelKey ?? firstVariable(env, ...names);
    if (key === undefined) throw missingVariable(provider, ...names);
    return sendableKey(key);
  };
  switch (provider) {
    case 'anthropic':
      return anthropic(keyed('ANTHROPIC_API_KEY'), env, fetch);
    case 'gemini':
      return gemini(keyed('GEMINI_API_KEY', 'GOOGLE_API_KEY'), env, fetch);
    case 'azure':
      return azure(keyed('AZURE_API_KEY'), env, compatibleFetch);
    default:
      return openai(keyed('OPENAI_API_KEY'), env, compatibleFetch);
  }
}

/** `chat`, as the package's default is the Responses API, which few other servers have. */
async function openai(apiKey: string, env: Environment, fetch: Transport): Promise<Provider> {
  const { createOpenAI } = await import('@ai-sdk/openai');
  const base = firstVariable(env, 'OPENAI_BASE_URL', 'OPENAI_API_BASE');
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

/** Only OpenAI's own address is known to need a version. */
function openaiAddress(base: NamedValue): string {
  const address = baseUrl(base);
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
 * The model's name is that of the deployment, which has an address of its own. Azure's v1 API has one
 * address for all deployments, and no versions by date.
 */
async function azure(apiKey: string, env: Environment, fetch: Transport): Promise<Provider> {
  const base = firstVariable(env, 'AZURE_API_BASE');
  if (base === undefined) throw missingVariable('azure', 'AZURE_API_BASE');
  const { resource, v1 } = azureAddress(base);
  const version = variable(env, 'AZURE_API_VERSION');
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

/** Azure's reasoning models refuse `max_tokens`; all its chat models take the newer name. */
function withCompletionTokens({
  max_tokens: maxTokens,
  ...body
}: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return maxTokens === undefined ? body : { max_completion_tokens: maxTokens, ...body };
}

async function anthropic(apiKey: string, env: Environment, fetch: Transport): Promise<Provider> {
  const { createAnthropic } = await optionalPackage<typeof Anthropic>(
    '@ai-sdk/anthropic',
    'A model of anthropic',
  );
  const base = firstVariable(env, 'ANTHROPIC_API_BASE');
  const provider = createAnthropic({
    apiKey,
    fetch,
    ...(base && { baseURL: versionedUrl(base) }),
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
  const base = firstVariable(env, 'GEMINI_API_BASE');
  const provider = createGoogle({
    apiKey,
    fetch,
    ...(base && { baseURL: geminiUrl(base) }),
  });
  return {
    chat: (model) => provider(model),
    embeddings: (model) => provider.embeddingModel(model),
  };
}
