import type { EmbeddingModelV4, LanguageModelV4, SharedV4ProviderOptions } from '@ai-sdk/provider';

import { JimsError } from '../../errors/jims-error.ts';
import type { MessageOrder } from '../chat/message-order.ts';
import type { NamedValue } from '../environment.ts';
import type { ChatModel, EmbeddingsModel, ResolvedLlmSettings } from '../settings.ts';
import { loadPrices } from '../usage.ts';
import { serverTraits } from './compatible-servers.ts';
import type { ServerTraits } from './compatible-servers.ts';
import { typesOf, typesOfObject } from './file-types.ts';
import { PROVIDERS, providerOf } from './providers.ts';
import type { Provider } from './providers.ts';

/** A model that can be called. */
export interface UsableModel<Model> {
  /** As the app named it, for messages. */
  readonly name: string;
  /** The part before the slash: `openai`, `anthropic`, … */
  readonly provider: string;
  readonly model: Model;
  readonly providerOptions: SharedV4ProviderOptions;
  readonly messageOrder: MessageOrder;
  /** The types of files that it takes, beside text. */
  readonly files: readonly string[];
  /** False for a model that supports JSON but no JSON schema. */
  readonly structuredOutputs: boolean;
}

/** Gives the models that an app names, each made once. */
export class Models {
  readonly #settings: ResolvedLlmSettings;
  readonly #known: readonly string[];
  readonly #chat = new Map<string, Promise<UsableModel<LanguageModelV4>>>();
  readonly #embeddings = new Map<string, Promise<UsableModel<EmbeddingModelV4>>>();

  constructor(settings: ResolvedLlmSettings) {
    this.#settings = settings;
    this.#known = [...Object.keys(settings.servers), ...PROVIDERS];
  }

  /** @throws JimsError `llm_unusable` when its provider, package, key or address is missing or wrong. */
  async chat(model: ChatModel): Promise<UsableModel<LanguageModelV4>> {
    const { modelApiKey: value, model: meantFor, files } = this.#settings;
    if (typeof model !== 'string') return ofModelObject(model, files);
    const key = { name: 'MODEL_API_KEY', value, meantFor };
    return once(this.#chat, model, () => this.#make(model, key, (from, id) => from.chat(id)));
  }

  /** @throws JimsError `llm_unusable` when its provider, package, key or address is missing or wrong. */
  async embeddings(model: EmbeddingsModel): Promise<UsableModel<EmbeddingModelV4>> {
    if (typeof model !== 'string') return ofModelObject(model);
    const { embeddingsModelApiKey: value, embeddingsModel: meantFor } = this.#settings;
    const key = { name: 'EMBEDDINGS_MODEL_API_KEY', value, meantFor };
    return once(this.#embeddings, model, () =>
      this.#make(model, key, (from, id) => from.embeddings(id)),
    );
  }

  async #make<Model>(
    name: string,
    key: ModelKey,
    pick: (provider: Provider, model: string) => Model,
  ): Promise<UsableModel<Model>> {
    loadPrices().catch(() => {});
    const { provider, model } = parseModelName(name, this.#known);
    const maker = await providerOf(provider, this.#settings, this.#keyFor(provider, key));
    const { servers, files: ofAll } = this.#settings;
    const traits = serverTraits(provider, servers);
    const files = servers[provider]?.files ?? ofAll ?? typesOf(provider, model);
    return usable(name, provider, pick(maker, model), { ...traits, files });
  }

  /** A server of the app's own gets the key only when the model that it is meant for is there. */
  #keyFor(provider: string, { name, value, meantFor }: ModelKey): NamedValue | undefined {
    if (value === undefined) return undefined;
    const isOwn = this.#settings.servers[provider]?.baseUrl !== undefined;
    const isMeant = typeof meantFor === 'string' && meantFor.startsWith(`${provider}/`);
    return isOwn && !isMeant ? undefined : { name, value };
  }
}

/** The key that the settings have for a model. */
interface ModelKey {
  readonly name: string;
  readonly value: string | undefined;
  readonly meantFor: ChatModel | EmbeddingsModel;
}

/** Does not keep a failure: the missing key may be set later. */
function once<T>(made: Map<string, Promise<T>>, name: string, make: () => Promise<T>): Promise<T> {
  const before = made.get(name);
  if (before) return before;
  const now = make();
  made.set(name, now);
  now.catch(() => made.delete(name));
  return now;
}

function ofModelObject<Model extends LanguageModelV4 | EmbeddingModelV4>(
  model: Model,
  ofAll?: readonly string[],
): UsableModel<Model> {
  if (typeof model?.provider !== 'string') {
    throw new JimsError(
      'llm_unusable',
      "A model must be a name, such as openai/gpt-4.1-mini, or a model object of one of the AI SDK's providers",
    );
  }
  const provider = model.provider.split('.')[0] ?? model.provider;
  const files = ofAll ?? typesOfObject(provider, model.modelId);
  return usable(model.modelId, provider, model, { files });
}

const SYSTEM_FIRST: ReadonlySet<string> = new Set(['anthropic', 'gemini', 'google', 'vertex']);
/** Makes OpenRouter report what a request cost. */
const WITH_COST: SharedV4ProviderOptions = { openrouter: { usage: { include: true } } };

function usable<Model>(
  name: string,
  provider: string,
  model: Model,
  traits: Partial<ServerTraits> & Pick<UsableModel<Model>, 'files'>,
): UsableModel<Model> {
  const { systemFirst, alternatingRoles = false, structuredOutputs = true } = traits;
  const system = SYSTEM_FIRST.has(provider) ? 'first' : 'anywhere';
  return {
    name,
    provider,
    model,
    providerOptions: provider === 'openrouter' ? WITH_COST : {},
    messageOrder: { system: systemFirst ? 'one' : system, alternating: alternatingRoles },
    structuredOutputs,
    files: traits.files,
  };
}

/** A model's name in its two parts. */
interface ModelName {
  readonly provider: string;
  /** As the provider calls it. */
  readonly model: string;
}

/** Names without a provider that are not OpenAI's. */
const BARE: readonly (readonly [RegExp, string])[] = [
  [/^claude-/, 'anthropic'],
  [/^gemini-/, 'gemini'],
  [/^(?:command-|rerank-)/, 'cohere'],
];

/** LiteLLM's names for providers that have another name here. */
const ALIASES: Readonly<Record<string, string>> = {
  ollama_chat: 'ollama',
  cohere_chat: 'cohere',
  google: 'gemini',
};

/**
 * Reads a model's name as LiteLLM does: `provider/model`, or a bare name, which is OpenAI's unless it
 * is known as another's.
 *
 * @throws JimsError `llm_unusable` for a provider that is not among `known`.
 */
export function parseModelName(name: string, known: readonly string[]): ModelName {
  const slash = name.indexOf('/');
  if (slash < 0) {
    const provider = BARE.find(([pattern]) => pattern.test(name))?.[1] ?? 'openai';
    return { provider, model: name };
  }
  const first = name.slice(0, slash);
  const provider = known.includes(first) ? first : (ALIASES[first] ?? first);
  const model = name.slice(slash + 1);
  if (known.includes(provider) && model !== '') return { provider, model };
  throw new JimsError(
    'llm_unusable',
    `Model '${name}' has an unknown provider. Known are ${known.join(', ')}. For any other server that speaks OpenAI's API, set OPENAI_BASE_URL and write openai/${name}`,
  );
}
