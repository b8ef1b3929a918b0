/** A thought that some models write before their answer. */
const THOUGHT = /^<think(?:ing)?>.*?<\/think(?:ing)?>/is;
/** A fence around all of an answer. */
const FENCE = /^(`{3,})[\w-]*[ \t]*\r?\n(.*?)\r?\n?[ \t]*\1$/s;

/**
 * The JSON of an answer, without what models put around it: a thought before it, a fence around it.
 *
 * @throws SyntaxError when it is not JSON.
 */
export function answerJson(text: string): unknown {
  const answer = text
    .replace(/^\uFEFF/, '')
    .trim()
    .replace(THOUGHT, '')
    .trim();
  return JSON.parse(FENCE.exec(answer)?.[2] ?? answer);
}
