import type { EmbeddingModelV4, LanguageModelV4, SharedV4ProviderOptions } from '@ai-sdk/provider';

import { serverTraits } from './compatible-servers.ts';
import type { Given, ServerTraits } from './compatible-servers.ts';
import { parseModelName } from './model-name.ts';
import { expectPrices } from './prices.ts';
import type { PromptForm } from './prompt-form.ts';
import { PROVIDERS, providerOf } from './providers.ts';
import type { Provider } from './providers.ts';
import type { ChatModel, EmbeddingsModel, ResolvedLlmSettings } from './settings.ts';

/** A model that can be called. */
export interface UsableModel<Model> {
  /** As the app named it, for messages. */
  readonly name: string;
  /** Before the slash: `openai`, `anthropic`, … */
  readonly provider: string;
  readonly model: Model;
  readonly providerOptions: SharedV4ProviderOptions;
  readonly promptForm: PromptForm;
  /** False for a model that knows JSON but no JSON schema. */
  readonly structuredOutputs: boolean;
}

/** Makes callable models of their names, each once. */
export interface Models {
  chat(model: ChatModel): Promise<UsableModel<LanguageModelV4>>;
  embeddings(model: EmbeddingsModel): Promise<UsableModel<EmbeddingModelV4>>;
}

const SYSTEM_FIRST: ReadonlySet<string> = new Set(['anthropic', 'gemini', 'google', 'vertex']);
/** OpenRouter says what a request cost, when it is asked to. */
const WITH_COST: SharedV4ProviderOptions = { openrouter: { usage: { include: true } } };

export function createModels(settings: ResolvedLlmSettings): Models {
  const known = [...Object.keys(settings.servers), ...PROVIDERS];
  const chat = new Map<string, Promise<UsableModel<LanguageModelV4>>>();
  const embeddings = new Map<string, Promise<UsableModel<EmbeddingModelV4>>>();

  async function make<Model>(
    name: string,
    key: OwnKey,
    pick: (provider: Provider, model: string) => Model,
  ): Promise<UsableModel<Model>> {
    expectPrices().catch(() => {});
    const { provider, model } = parseModelName(name, known);
    const maker = await providerOf(provider, settings, keyFor(provider, key, settings));
    return usable(name, provider, pick(maker, model), serverTraits(provider, settings.servers));
  }

  return {
    chat(model) {
      if (typeof model !== 'string') return Promise.resolve(given(model));
      const { modelApiKey: value, model: set } = settings;
      const key = { name: 'MODEL_API_KEY', value, set };
      return once(chat, model, () => make(model, key, (from, id) => from.chat(id)));
    },
    embeddings(model) {
      if (typeof model !== 'string') return Promise.resolve(given(model));
      const { embeddingsModelApiKey: value, embeddingsModel: set } = settings;
      const key = { name: 'EMBEDDINGS_MODEL_API_KEY', value, set };
      return once(embeddings, model, () => make(model, key, (from, id) => from.embeddings(id)));
    },
  };
}

/** The key that is set for a model, and that model. */
interface OwnKey {
  readonly name: string;
  readonly value: string | undefined;
  readonly set: ChatModel | EmbeddingsModel;
}

/** A server of one's own gets the key only when the model that it was set for is there. */
function keyFor(
  provider: string,
  { name, value, set }: OwnKey,
  { servers }: ResolvedLlmSettings,
): Given | undefined {
  if (value === undefined) return undefined;
  const isOwn = servers[provider]?.baseUrl !== undefined;
  const isMeant = typeof set === 'string' && set.startsWith(`${provider}/`);
  return isOwn && !isMeant ? undefined : { name, value };
}

/** What could not be made is tried again: a key may be set meanwhile. */
function once<T>(made: Map<string, Promise<T>>, name: string, make: () => Promise<T>): Promise<T> {
  const before = made.get(name);
  if (before) return before;
  const now = make();
  made.set(name, now);
  now.catch(() => made.delete(name));
  return now;
}

function given<Model extends LanguageModelV4 | EmbeddingModelV4>(model: Model): UsableModel<Model> {
  const provider = model.provider.split('.')[0] ?? model.provider;
  return usable(model.modelId, provider, model);
}

function usable<Model>(
  name: string,
  provider: string,
  model: Model,
  traits: Partial<ServerTraits> = {},
): UsableModel<Model> {
  const { systemFirst, alternatingRoles = false, structuredOutputs = true } = traits;
  const first = SYSTEM_FIRST.has(provider) ? 'first' : 'anywhere';
  return {
    name,
    provider,
    model,
    providerOptions: provider === 'openrouter' ? WITH_COST : {},
    promptForm: { system: systemFirst ? 'one' : first, alternating: alternatingRoles },
    structuredOutputs,
  };
}
