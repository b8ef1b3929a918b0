import { JimsError } from '../../errors/jims-error.ts';
import { firstVariable, missingVariable } from '../environment.ts';
import type { Environment, NamedValue } from '../environment.ts';
import { sendableKey } from '../secrets.ts';
import type { CompatibleServer, ResolvedLlmSettings } from '../settings.ts';
import { baseUrl, versionedUrl } from './base-url.ts';

/** A known provider that speaks OpenAI's API. */
interface KnownServer extends Partial<ServerTraits> {
  readonly baseUrl?: string;
  /** The variables that may hold its address or its key. */
  readonly baseUrlVariables: readonly string[];
  readonly keyVariables: readonly string[];
  readonly keyOptional?: boolean;
}

/** What a server supports, and the order of messages that its models take. */
export interface ServerTraits {
  readonly structuredOutputs: boolean;
  readonly streamUsage: boolean;
  readonly systemFirst: boolean;
  readonly alternatingRoles: boolean;
}

/** The templates of many open models refuse other orders of messages. */
const STRICT_TEMPLATES = { systemFirst: true, alternatingRoles: true } as const;

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
    ...STRICT_TEMPLATES,
  },
  hosted_vllm: {
    baseUrlVariables: ['HOSTED_VLLM_API_BASE'],
    keyVariables: ['HOSTED_VLLM_API_KEY'],
    keyOptional: true,
    ...STRICT_TEMPLATES,
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

/** The names of the known servers, as they stand before the slash of a model. */
export const COMPATIBLE_PROVIDERS: readonly string[] = Object.keys(SERVERS);

/** A server that can be called. */
export interface ReachableServer extends ServerTraits {
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
}

/** The traits of a server: those of the settings, then those that are known, then the defaults. */
export function serverTraits(
  provider: string,
  servers: ResolvedLlmSettings['servers'],
): ServerTraits {
  const { structuredOutputs, streamUsage, systemFirst, alternatingRoles } = {
    ...SERVERS[provider],
    ...servers[provider],
  };
  return {
    structuredOutputs: structuredOutputs ?? true,
    streamUsage: streamUsage ?? true,
    systemFirst: systemFirst ?? false,
    alternatingRoles: alternatingRoles ?? false,
  };
}

/**
 * The address and key of a server: from the settings, then from the variables of a known one.
 *
 * @returns `undefined` for a provider that does not speak OpenAI's API.
 * @throws JimsError `llm_unusable` when the address or the key is missing or wrong.
 */
export function compatibleServer(
  provider: string,
  { servers, env }: Pick<ResolvedLlmSettings, 'servers' | 'env'>,
  modelKey: NamedValue | undefined,
): ReachableServer | undefined {
  const own = servers[provider];
  const known = SERVERS[provider];
  if (!own && !known) return undefined;
  const key = serverKey(provider, servers) ?? modelKey ?? knownKey(provider, own, env);
  return {
    ...serverTraits(provider, servers),
    baseUrl:
      own?.baseUrl === undefined
        ? knownAddress(provider, env)
        : baseUrl({ name: `servers.${provider}.baseUrl`, value: own.baseUrl }),
    apiKey: key && sendableKey(key),
  };
}

/** A server's key in the settings. */
export function serverKey(
  provider: string,
  servers: ResolvedLlmSettings['servers'],
): NamedValue | undefined {
  const value = servers[provider]?.apiKey?.trim();
  return value ? { name: `servers.${provider}.apiKey`, value } : undefined;
}

/** The key of a known provider is not sent to a server with another address. */
function knownKey(
  provider: string,
  own: CompatibleServer | undefined,
  env: Environment,
): NamedValue | undefined {
  const known = SERVERS[provider];
  if (!known || own?.baseUrl !== undefined) return undefined;
  const key = firstVariable(env, ...known.keyVariables);
  if (key === undefined && !known.keyOptional) {
    throw missingVariable(provider, ...known.keyVariables);
  }
  return key;
}

function knownAddress(provider: string, env: Environment): string {
  const known = SERVERS[provider];
  if (!known) throw new JimsError('llm_unusable', `servers.${provider} needs a baseUrl`);
  const address = firstVariable(env, ...known.baseUrlVariables);
  if (address === undefined) {
    if (known.baseUrl === undefined) throw missingVariable(provider, ...known.baseUrlVariables);
    return known.baseUrl;
  }
  if (provider !== 'ollama') return baseUrl(address);
  // Ollama's variable holds the address of the server, or of its own API: its OpenAI API is at /v1.
  return versionedUrl({
    ...address,
    value: address.value.replace(/\/api(?:\/(?:chat|generate|embed))?\/?$/, ''),
  });
}
