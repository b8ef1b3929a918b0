import type { LanguageModelV4Message, LanguageModelV4Prompt } from '@ai-sdk/provider';

/** What order of messages a model takes. */
export interface PromptForm {
  /**
   * Where system messages may stand: anywhere, only before the conversation, or as one message before
   * the conversation.
   */
  readonly system: 'anywhere' | 'first' | 'one';
  /** User and assistant have to take turns, the user first. */
  readonly alternating: boolean;
}

/** Stands where a template wants the user to begin, and the assistant did. */
const BEGINNING = '(The conversation begins.)';
const BETWEEN = '\n\n';

/** Puts messages into the order that a model takes. */
export function inForm(prompt: LanguageModelV4Prompt, form: PromptForm): LanguageModelV4Prompt {
  if (form.system === 'anywhere') return form.alternating ? inTurns(prompt) : prompt;
  const system = prompt.filter(({ role }) => role === 'system');
  const talk = prompt.filter(({ role }) => role !== 'system');
  const inOrder = form.alternating ? inTurns(talk) : talk;
  return [...(form.system === 'one' ? asOne(system) : system), ...inOrder];
}

function asOne(system: LanguageModelV4Prompt): LanguageModelV4Prompt {
  if (system.length < 2) return system;
  const texts = system.map(({ content }) => (typeof content === 'string' ? content : ''));
  return [{ role: 'system', content: texts.filter(Boolean).join(BETWEEN) }];
}

function inTurns(prompt: LanguageModelV4Prompt): LanguageModelV4Prompt {
  const turns: LanguageModelV4Message[] = [];
  for (const message of prompt) {
    const merged = mergedWith(turns.at(-1), message);
    if (merged) turns.splice(-1, 1, merged);
    else turns.push(message);
  }
  const first = turns.findIndex(({ role }) => role !== 'system');
  if (turns[first]?.role === 'assistant') {
    turns.splice(first, 0, { role: 'user', content: [{ type: 'text', text: BEGINNING }] });
  }
  return turns;
}

/** One message of two, when the same side says both. */
function mergedWith(
  before: LanguageModelV4Message | undefined,
  message: LanguageModelV4Message,
): LanguageModelV4Message | undefined {
  if (before?.role === 'user' && message.role === 'user') {
    return { ...before, content: joined(before.content, message.content) };
  }
  if (before?.role === 'assistant' && message.role === 'assistant') {
    // What wants its calls answered is not to be followed by more text of its own.
    const wantsAnswers = before.content.some(({ type }) => type === 'tool-call');
    if (!wantsAnswers) return { ...message, content: joined(before.content, message.content) };
  }
  return undefined;
}

/** Text beside text becomes one part: templates want a string and not parts. */
function joined<Part extends { readonly type: string }>(
  before: readonly Part[],
  after: readonly Part[],
): Part[] {
  const last = before.at(-1);
  const [first, ...rest] = after;
  if (!last || !first || !isText(last) || !isText(first)) return [...before, ...after];
  return [...before.slice(0, -1), { ...last, text: last.text + BETWEEN + first.text }, ...rest];
}

function isText<Part extends { readonly type: string }>(
  part: Part,
): part is Part & { readonly text: string } {
  return part.type === 'text' && 'text' in part && typeof part.text === 'string';
}
