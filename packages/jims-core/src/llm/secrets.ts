import { JimsError } from '../errors/jims-error.ts';
import type { Environment } from './environment.ts';

/** Shorter ones would be found in ordinary words. */
const SHORTEST = 6;
/** So much of the beginning of a key is hidden, too, where a provider quotes no more than that. */
const BEGINNING = 12;
const HIDDEN = '[hidden]';
const SECRET_NAME = /(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$/i;

/** Forms of secrets that are known without knowing the secret. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/\b(bearer|basic)\s+[^\s"',;}]{6,}/gi, `$1 ${HIDDEN}`],
  [/([?&][\w-]*(?:key|token|sig|signature|secret|password|code)=)[^&\s"'#]+/gi, `$1${HIDDEN}`],
  [/(:\/\/)[^\s/@"']+@/g, `$1${HIDDEN}@`],
  [/\b(?:sk|pk|rk|gsk|xai|hf|nvapi|pplx|r8|co)[-_][\w-]{12,}/g, HIDDEN],
  [/\bAIza[\w-]{20,}/g, HIDDEN],
  [/((?:api[-_ ]?key|authorization)["']?\s*[:=]\s*["']?)[^\s"',;}]{12,}/gi, `$1${HIDDEN}`],
];

/** Hides keys in text that may be logged: the given ones, those of the environment, and what looks like one. */
export function createRedactor(
  keys: readonly (string | undefined)[],
  env: Environment,
): (text: string) => string {
  const known = [
    ...Object.entries(env).map(([name, value]) =>
      SECRET_NAME.test(name) ? value : passwordIn(value),
    ),
    ...keys,
  ]
    .flatMap((value) => value?.split(/\s+/) ?? [])
    .filter((value) => value.length >= SHORTEST && /\D/.test(value))
    // The longest first: one may be the beginning of another.
    .toSorted((a, b) => b.length - a.length);
  const forms = known.flatMap((value) => [
    value,
    encodeURIComponent(value),
    Buffer.from(value).toString('base64'),
  ]);
  const beginnings = known
    .filter((value) => value.length > BEGINNING)
    .map((value) => [wordsFrom(value.slice(0, BEGINNING)), HIDDEN] as const);
  return (text) => {
    const withoutKnown = forms.reduce((rest, value) => rest.replaceAll(value, HIDDEN), text);
    // Beginnings last: keys of one provider may begin alike, and would lose what they are known by.
    return [...PATTERNS, ...beginnings].reduce(
      (rest, [form, shown]) => rest.replaceAll(form, shown),
      withoutKnown,
    );
  };
}

function wordsFrom(beginning: string): RegExp {
  return new RegExp(`${beginning.replaceAll(/[^\w]/g, String.raw`\$&`)}[\\w-]*`, 'g');
}

/** The password of an address, such as that of a database. */
function passwordIn(value: string | undefined): string | undefined {
  return /:\/\/[^\s/:@]*:([^\s/@]+)@/.exec(value ?? '')?.[1];
}

/**
 * A key that can be sent as a header. What Node says of one that cannot quotes it.
 *
 * @param name What the key comes from: a variable or a setting.
 * @throws JimsError `llm_unusable`
 */
export function sendableKey(name: string, key: string): string {
  const problem = problemOf(key);
  if (problem === undefined) return key;
  throw new JimsError('llm_unusable', `${name} holds ${problem}: set it to the key alone`);
}

function problemOf(key: string): string | undefined {
  if (/[\n\r]/.test(key)) return 'a line break';
  // oxlint-disable-next-line no-control-regex -- what a header cannot hold
  if (/[\u0000-\u001F\u007F]/.test(key)) return 'a control character';
  return /[^\u0020-\u00FF]/.test(key) ? 'a character that no header can hold' : undefined;
}
