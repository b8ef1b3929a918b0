// Which types of files a model takes, beside text, which every model takes as text.

/** Text by another name. */
const TEXT_TYPES: ReadonlySet<string> = new Set([
  'application/json',
  'application/xml',
  'application/csv',
  'application/yaml',
  'application/x-yaml',
  'application/toml',
  'application/sql',
  'application/javascript',
  'application/x-ndjson',
  'application/x-sh',
]);

const IMAGES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'] as const;
const SPEECH = ['audio/wav', 'audio/mpeg', 'audio/mp3'] as const;
const PDF = 'application/pdf';
/** OpenAI's other models refuse speech. */
const LISTENS = /audio/;

/** What a provider's models take as far as its package can send it. A model may take less. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  openai: [...IMAGES, PDF],
  azure: [...IMAGES, ...SPEECH],
  anthropic: [...IMAGES, PDF],
  gemini: [
    'image/png',
    'image/jpeg',
    'image/webp',
    'image/heic',
    'image/heif',
    PDF,
    'audio/*',
    'video/*',
  ],
  openrouter: [...IMAGES, ...SPEECH, PDF],
  hosted_vllm: [...IMAGES, ...SPEECH],
  deepseek: [],
};
/** The names in model objects of the providers above. */
const ALIASES: Readonly<Record<string, string>> = {
  google: 'gemini',
  vertex: 'gemini',
  googleVertex: 'gemini',
};
/** The package of another model object says itself what it cannot send. */
const ANY: readonly string[] = ['*/*'];

/** The types that a model takes by its name, of a provider or of a server that speaks OpenAI's API. */
export function typesOf(provider: string, model: string): readonly string[] {
  const types = (Object.hasOwn(TYPES, provider) && TYPES[provider]) || IMAGES;
  return provider === 'openai' && LISTENS.test(model) ? [...types, ...SPEECH] : types;
}

/** The types that a model object takes. */
export function typesOfObject(provider: string, model: string): readonly string[] {
  const name = ALIASES[provider] ?? provider;
  return Object.hasOwn(TYPES, name) ? typesOf(name, model) : ANY;
}

/** Whether a type is among types such as `image/png`, `image/*`. */
export function takesType(types: readonly string[], type: string): boolean {
  const [kind] = type.split('/', 1);
  return types.some((each) => each === type || each === `${kind}/*` || each === '*/*');
}

/** Whether a file of this type is text. */
export function isTextType(type: string): boolean {
  return type.startsWith('text/') || TEXT_TYPES.has(type) || /\+(?:json|xml|yaml)$/.test(type);
}
