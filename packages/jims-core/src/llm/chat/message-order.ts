import type { LanguageModelV4Message, LanguageModelV4Prompt } from '@ai-sdk/provider';

/** The order of messages that a model takes. */
export interface MessageOrder {
  /**
   * Where system messages may stand: anywhere, only before the conversation, or as one message before
   * the conversation.
   */
  readonly system: 'anywhere' | 'first' | 'one';
  /** User and assistant have to take turns, the user first. */
  readonly alternating: boolean;
}

/** The user's first message where a template wants one, and the assistant began. */
const BEGINNING = '(The conversation begins.)';
const BETWEEN = '\n\n';

/** Puts messages into the order that a model takes. */
export function inOrder(prompt: LanguageModelV4Prompt, order: MessageOrder): LanguageModelV4Prompt {
  if (order.system === 'anywhere') return order.alternating ? inTurns(prompt) : prompt;
  const system = prompt.filter(({ role }) => role === 'system');
  const others = prompt.filter(({ role }) => role !== 'system');
  return [
    ...(order.system === 'one' ? asOne(system) : system),
    ...(order.alternating ? inTurns(others) : others),
  ];
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

/** Two messages as one; `undefined` when they cannot be merged. */
function mergedWith(
  before: LanguageModelV4Message | undefined,
  message: LanguageModelV4Message,
): LanguageModelV4Message | undefined {
  if (before?.role === 'user' && message.role === 'user') {
    return { ...before, content: joined(before.content, message.content) };
  }
  if (before?.role === 'assistant' && message.role === 'assistant') {
    // Tool calls must be followed by their answers, not by more text.
    const hasCalls = before.content.some(({ type }) => type === 'tool-call');
    if (!hasCalls) return { ...message, content: joined(before.content, message.content) };
  }
  return undefined;
}

/** Adjacent texts become one part: templates want a string, not parts. */
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
