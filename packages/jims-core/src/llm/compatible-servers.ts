import { JimsError } from '../errors/jims-error.ts';
import { baseUrl, versionedUrl } from './base-url.ts';
import type { Environment } from './environment.ts';
import { sendableKey } from './secrets.ts';
import { word } from './settings.ts';
import type { CompatibleServer, ResolvedLlmSettings } from './settings.ts';

/** A provider that speaks OpenAI's API: where it is, and which variables say so. */
interface KnownServer extends Partial<ServerTraits> {
  readonly baseUrl?: string;
  readonly baseUrlVariables: readonly string[];
  readonly keyVariables: readonly string[];
  /** A server that need not ask for a key. */
  readonly keyOptional?: boolean;
}

/** What a server can do, and what order of messages its models take. */
export interface ServerTraits {
  readonly structuredOutputs: boolean;
  readonly streamUsage: boolean;
  readonly systemFirst: boolean;
  readonly alternatingRoles: boolean;
}

/** The templates of open models are often strict, and their servers pass that on as an error. */
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

/** Their names, as they stand before the slash of a model. */
export const COMPATIBLE_PROVIDERS: readonly string[] = Object.keys(SERVERS);

/** A server that can be called. */
export interface ReachableServer extends ServerTraits {
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
}

/** What the settings and our own knowledge say of a server. */
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
 * Where the server of a provider is, by the settings, and by its variables where it is a known one.
 *
 * @returns `undefined` for a provider that does not speak OpenAI's API, or has a package of its own.
 * @throws JimsError `llm_unusable` when its address or its key is missing or wrong.
 */
export function compatibleServer(
  provider: string,
  { servers, env }: Pick<ResolvedLlmSettings, 'servers' | 'env'>,
  ownKey: Given | undefined,
): ReachableServer | undefined {
  const own = servers[provider];
  const known = SERVERS[provider];
  if (!own && !known) return undefined;
  const key = keyOf(provider, servers) ?? ownKey ?? knownKey(provider, own, env);
  return {
    ...serverTraits(provider, servers),
    baseUrl:
      own?.baseUrl === undefined
        ? addressOf(provider, env)
        : baseUrl(`servers.${provider}.baseUrl`, own.baseUrl),
    apiKey: key && sendableKey(key.name, key.value),
  };
}

/** The key of a known provider goes to that provider's server only. */
function knownKey(
  provider: string,
  own: CompatibleServer | undefined,
  env: Environment,
): Given | undefined {
  const known = SERVERS[provider];
  if (!known || own?.baseUrl !== undefined) return undefined;
  const key = firstSet(env, known.keyVariables);
  if (key === undefined && !known.keyOptional) throw missing(provider, known.keyVariables);
  return key;
}

function addressOf(provider: string, env: Environment): string {
  const known = SERVERS[provider];
  if (!known) throw new JimsError('llm_unusable', `servers.${provider} needs a baseUrl`);
  const given = firstSet(env, known.baseUrlVariables);
  if (given === undefined) {
    if (known.baseUrl === undefined) throw missing(provider, known.baseUrlVariables);
    return known.baseUrl;
  }
  const { name, value } = given;
  if (provider !== 'ollama') return baseUrl(name, value);
  // Its own variable names the server without the path of its OpenAI API, or with that of its own API.
  return versionedUrl(name, value.replace(/\/api\/?$/, ''));
}

/** A key or an address, and the variable or setting that it comes from. */
export interface Given {
  readonly name: string;
  readonly value: string;
}

/** What is in the first of the variables that is set. */
export function firstSet(env: Environment, variables: readonly string[]): Given | undefined {
  const name = variables.find((each) => word(env, each) !== undefined);
  return name === undefined ? undefined : { name, value: word(env, name) ?? '' };
}

/** The key that the settings have for a server. */
export function keyOf(
  provider: string,
  servers: ResolvedLlmSettings['servers'],
): Given | undefined {
  const value = servers[provider]?.apiKey?.trim();
  return value ? { name: `servers.${provider}.apiKey`, value } : undefined;
}

/** The complaint about variables of which one is needed. */
export function missing(provider: string, variables: readonly string[]): JimsError {
  return new JimsError('llm_unusable', `Models of ${provider} need ${variables.join(' or ')}`);
}
