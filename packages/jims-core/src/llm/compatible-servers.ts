import { JimsError } from '../errors.ts';
import { word } from './settings.ts';
import type { CompatibleServer, Environment } from './settings.ts';

/** A provider that speaks OpenAI's API: where it is, and which variables say so. */
interface KnownServer {
  readonly baseUrl?: string;
  readonly baseUrlVariables: readonly string[];
  readonly keyVariables: readonly string[];
  /** A server that need not ask for a key. */
  readonly keyOptional?: boolean;
  readonly structuredOutputs?: boolean;
}

const SERVERS: Readonly<Record<string, KnownServer>> = {
  openrouter: {
    baseUrl: 'https://openrouter.ai/api/v1',
    baseUrlVariables: ['OPENROUTER_API_BASE_URL', 'OPENROUTER_API_BASE'],
    keyVariables: ['OPENROUTER_API_KEY'],
  },
  ollama: {
    baseUrl: 'http://localhost:11434/v1',
    baseUrlVariables: ['OLLAMA_API_BASE'],
    keyVariables: ['OLLAMA_API_KEY'],
    keyOptional: true,
  },
  hosted_vllm: {
    baseUrlVariables: ['HOSTED_VLLM_API_BASE'],
    keyVariables: ['HOSTED_VLLM_API_KEY'],
    keyOptional: true,
  },
  cohere: {
    baseUrl: 'https://api.cohere.ai/compatibility/v1',
    baseUrlVariables: ['COHERE_COMPATIBLE_API_BASE'],
    keyVariables: ['COHERE_API_KEY', 'CO_API_KEY'],
  },
  deepseek: {
    baseUrl: 'https://api.deepseek.com/v1',
    baseUrlVariables: ['DEEPSEEK_API_BASE'],
    keyVariables: ['DEEPSEEK_API_KEY'],
    structuredOutputs: false,
  },
  groq: {
    baseUrl: 'https://api.groq.com/openai/v1',
    baseUrlVariables: ['GROQ_API_BASE'],
    keyVariables: ['GROQ_API_KEY'],
  },
  mistral: {
    baseUrl: 'https://api.mistral.ai/v1',
    baseUrlVariables: ['MISTRAL_API_BASE'],
    keyVariables: ['MISTRAL_API_KEY'],
  },
  xai: {
    baseUrl: 'https://api.x.ai/v1',
    baseUrlVariables: ['XAI_API_BASE'],
    keyVariables: ['XAI_API_KEY'],
  },
};

/** Their names, as they stand before the slash of a model. */
export const COMPATIBLE_PROVIDERS: readonly string[] = Object.keys(SERVERS);

/**
 * Where the server of a provider is, by its variables.
 *
 * @throws JimsError `llm_unusable` when its address or its key is missing.
 */
export function compatibleServer(
  provider: string,
  env: Environment,
  ownKey: string | undefined,
): CompatibleServer | undefined {
  const known = SERVERS[provider];
  if (!known) return undefined;
  const baseUrl = word(env, ...known.baseUrlVariables) ?? known.baseUrl;
  if (baseUrl === undefined) throw missing(provider, known.baseUrlVariables);
  const apiKey = ownKey ?? word(env, ...known.keyVariables);
  if (apiKey === undefined && !known.keyOptional) throw missing(provider, known.keyVariables);
  return {
    baseUrl: provider === 'ollama' ? withVersion(baseUrl) : baseUrl,
    ...(apiKey !== undefined && { apiKey }),
    structuredOutputs: known.structuredOutputs ?? true,
  };
}

/** The complaint about variables of which one is needed. */
export function missing(provider: string, variables: readonly string[]): JimsError {
  return new JimsError('llm_unusable', `Models of ${provider} need ${variables.join(' or ')}`);
}

/** Ollama's own variable names the server without the path of its OpenAI API. */
function withVersion(baseUrl: string): string {
  return /\/v\d+\/?$/.test(baseUrl) ? baseUrl : `${baseUrl.replace(/\/$/, '')}/v1`;
}
