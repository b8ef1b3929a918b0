import { JimsError } from '../errors/jims-error.ts';

/** A model's name in its two parts. */
export interface ModelName {
  readonly provider: string;
  /** As the provider calls it. */
  readonly model: string;
}

/** Which names without a provider are not OpenAI's. */
const BARE: readonly (readonly [RegExp, string])[] = [
  [/^claude-/, 'anthropic'],
  [/^gemini-/, 'gemini'],
  [/^(?:command-|rerank-)/, 'cohere'],
];

/** Names of LiteLLM for what is one provider here. */
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
    `Model '${name}' is of no known provider: ${known.join(', ')}. For any other server that speaks OpenAI's API, set OPENAI_BASE_URL and write openai/${name}`,
  );
}
