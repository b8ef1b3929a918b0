/** How much of a message is searched, in UTF-16 units. */
export const MAX_SEARCHED = 16_384;
const MAX_QUERY = 1000;
const MAX_QUERY_WORDS = 16;
/** Longer words are the same when their beginnings are. */
const MAX_WORD = 24;

/** Scripts without spaces between words: each character counts as a word. */
const WORDS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[[\p{L}\p{N}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]]+/gv;

/** The words of a query: all of them must be in a message, the last one as the beginning of a word. */
export interface QueryWords {
  readonly whole: readonly string[];
  readonly beginning: string;
}

/** Whether a message with these words has those of a query. */
export function hasWords(said: readonly string[], { whole, beginning }: QueryWords): boolean {
  return (
    whole.every((word) => said.includes(word)) && said.some((word) => word.startsWith(beginning))
  );
}

/**
 * The words of a message, each once: letters and digits alone, in small letters, without accents.
 *
 * @example searchWords('Crème brûlée, bitte!'); // ['creme', 'brulee', 'bitte']
 */
export function searchWords(text: string): readonly string[] {
  return [...new Set(wordsIn(text.slice(0, MAX_SEARCHED)))];
}

/** Reads what a person typed; `undefined` when there is no word in it. */
export function queryWords(text: string): QueryWords | undefined {
  const words = wordsIn(text.slice(0, MAX_QUERY));
  const beginning = words.at(-1);
  if (beginning === undefined) return undefined;
  const whole = [...new Set(words.slice(0, -1))].slice(0, MAX_QUERY_WORDS - 1);
  return { whole, beginning };
}

function wordsIn(text: string): readonly string[] {
  const plain = text.toLowerCase().normalize('NFKD').replaceAll(/\p{M}/gu, '');
  return (plain.match(WORDS) ?? []).map(cutWord);
}

function cutWord(word: string): string {
  return word.length <= MAX_WORD ? word : word.slice(0, MAX_WORD).toWellFormed();
}
