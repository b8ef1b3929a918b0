/** A thought that some models write before their answer. */
const THOUGHT = /^<think(?:ing)?>.*?<\/think(?:ing)?>/is;
/** The first line of a fence around all of an answer. */
const OPENING = /^(`{3,})[\w-]*[ \t]*\r?\n/;

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
  return JSON.parse(withoutFence(answer));
}

/** Not by one expression: a model that writes blanks without end would keep it busy for seconds. */
function withoutFence(answer: string): string {
  const [opening = '', fence = ''] = OPENING.exec(answer) ?? [];
  const inside = answer.slice(opening.length);
  return fence !== '' && inside.endsWith(fence) ? inside.slice(0, -fence.length) : answer;
}
