import type { LanguageModelV4CallOptions, LanguageModelV4Message } from '@ai-sdk/provider';

import { cutText } from '../text/clean-text.ts';

/** What a model was sent, as a test looks at it: the messages, oldest first. */
export type Prompt = readonly PromptMessage[];

/** One message of a prompt. */
export interface PromptMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  /** Its text; of a tool's results: each result, as text or JSON, on a line of its own. */
  readonly text: string;
  /** The tools that the model wanted. */
  readonly calls?: readonly { readonly name: string; readonly input: unknown }[];
  /** What tools gave. */
  readonly results?: readonly { readonly name: string; readonly output: unknown }[];
  /** The media types of its files. */
  readonly files?: readonly string[];
}

type Part = Exclude<LanguageModelV4Message['content'], string>[number];

/** Reads the prompt of a request. */
export function promptOf({ prompt }: LanguageModelV4CallOptions): Prompt {
  return prompt.map(({ role, content }) => {
    const parts: readonly Part[] =
      typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    const calls = parts.flatMap((part) =>
      part.type === 'tool-call' ? [{ name: part.toolName, input: part.input }] : [],
    );
    const results = parts.flatMap((part) =>
      part.type === 'tool-result' ? [{ name: part.toolName, output: outputOf(part.output) }] : [],
    );
    const files = parts.flatMap((part) => (part.type === 'file' ? [part.mediaType] : []));
    const texts = parts.flatMap((part) => (part.type === 'text' ? [part.text] : []));
    return {
      role,
      text: [...texts, ...results.map(({ output }) => asText(output))].join('\n'),
      ...(calls.length > 0 && { calls }),
      ...(results.length > 0 && { results }),
      ...(files.length > 0 && { files }),
    };
  });
}

const MAX_SHOWN = 500;

/** A request for the message of an error: one line for each message, and the tools that it offers. */
export function shownRequest(request: LanguageModelV4CallOptions): string {
  const lines = promptOf(request).map(({ role, text, calls = [], files = [] }) => {
    const wants = calls.map(({ name, input }) => `${name}(${JSON.stringify(input)})`);
    const shown = [text, ...wants, ...files].filter((each) => each !== '').join(' | ');
    return `  ${role}: ${cutText(shown, MAX_SHOWN).replaceAll('\n', '\n    ')}`;
  });
  const tools = request.tools?.map(({ name }) => name) ?? [];
  if (tools.length > 0) lines.push(`  tools: ${tools.join(', ')}`);
  if (request.responseFormat?.type === 'json') lines.push('  it must answer with JSON');
  return lines.join('\n');
}

type Output = Extract<Part, { type: 'tool-result' }>['output'];

function outputOf(output: Output): unknown {
  return 'value' in output ? output.value : output;
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
