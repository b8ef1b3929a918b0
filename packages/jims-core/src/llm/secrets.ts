import { JimsError } from '../errors/jims-error.ts';
import type { Environment, NamedValue } from './environment.ts';

/** Shorter secrets would match ordinary words. */
const MIN_LENGTH = 6;
/** Shorter secrets of digits alone would match counts and times. */
const MIN_DIGITS = 14;
/** Providers quote the beginning of a key: so many characters of it are enough to hide it. */
const BEGINNING_LENGTH = 12;
const HIDDEN = '[hidden]';
const SECRET_NAME = /(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$/i;

/** What keys look like, whatever their value. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/\b(bearer|basic)\s+[^\s"',;}]{6,}/gi, `$1 ${HIDDEN}`],
  [/([?&][\w-]*(?:key|token|sig|signature|secret|password|code)=)[^&\s"'#]+/gi, `$1${HIDDEN}`],
  [/(:\/\/)[^\s/@"']+@/g, `$1${HIDDEN}@`],
  [/\b(?:sk|pk|rk|gsk|xai|hf|nvapi|pplx|r8|co)[-_][\w-]{12,}/g, HIDDEN],
  [/\bAIza[\w-]{20,}/g, HIDDEN],
  [/((?:api[-_ ]?key|authorization)["']?\s*[:=]\s*["']?)[^\s"',;}]{12,}/gi, `$1${HIDDEN}`],
];

/**
 * Makes a function that hides keys in text that may be logged: the given keys, those of the
 * environment, and whatever looks like a key.
 */
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
    .filter(({ length }) => length >= MIN_LENGTH)
    .filter((value) => /\D/.test(value) || value.length >= MIN_DIGITS)
    // The longest first: a secret may be the beginning of another.
    .toSorted((a, b) => b.length - a.length);
  const forms = known.flatMap((value) => [
    value,
    encodeURIComponent(value),
    Buffer.from(value).toString('base64'),
  ]);
  const beginnings = known
    .filter((value) => value.length > BEGINNING_LENGTH)
    .map((value) => [wordsFrom(value.slice(0, BEGINNING_LENGTH)), HIDDEN] as const);
  return (text) => {
    const withoutKnown = forms.reduce((rest, value) => rest.replaceAll(value, HIDDEN), text);
    // Beginnings last: an unknown key may begin alike, and no pattern would match the rest of it.
    return [...PATTERNS, ...beginnings].reduce(
      (rest, [form, shown]) => rest.replaceAll(form, shown),
      withoutKnown,
    );
  };
}

function wordsFrom(beginning: string): RegExp {
  return new RegExp(`${beginning.replaceAll(/[^\w]/g, String.raw`\$&`)}[\\w-]*`, 'g');
}

/** The password in an address, such as that of a database. */
function passwordIn(value: string | undefined): string | undefined {
  return /:\/\/[^\s/:@]*:([^\s/@]+)@/.exec(value ?? '')?.[1];
}

/**
 * Checks that a key can be sent as a header. Node's own error for one that cannot would quote the key.
 *
 * @throws JimsError `llm_unusable`
 */
export function sendableKey({ name, value }: NamedValue): string {
  const problem = problemOf(value);
  if (problem === undefined) return value;
  throw new JimsError('llm_unusable', `${name} contains ${problem}: set it to the key alone`);
}

function problemOf(key: string): string | undefined {
  if (/[\n\r]/.test(key)) return 'a line break';
  // oxlint-disable-next-line no-control-regex -- what a header cannot hold
  if (/[\u0000-\u001F\u007F]/.test(key)) return 'a control character';
  return /[^\u0020-\u00FF]/.test(key) ? 'a character that a header cannot hold' : undefined;
}
