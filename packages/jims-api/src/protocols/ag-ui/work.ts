import type { NewEvent } from 'jims-core';

import { assistantText } from '../../chat/messages.ts';
import type { TitledTool } from '../../chat/work-reader.ts';

/** A tool that the service calls: AG-UI has no event for its failure, so that is its result. */
export type ToolEvent = { readonly toolCallId: string } & (
  | {
      readonly type: 'TOOL_CALL_START';
      readonly toolCallName: string;
      readonly parentMessageId?: string;
    }
  | { readonly type: 'TOOL_CALL_ARGS'; readonly delta: string }
  | { readonly type: 'TOOL_CALL_END' }
  | {
      readonly type: 'TOOL_CALL_RESULT';
      readonly messageId: string;
      readonly role: 'tool';
      readonly content: string;
    }
);

/** What a model thinks, as a message of its own. */
export type ReasoningEvent = { readonly messageId: string } & (
  | { readonly type: 'REASONING_START' | 'REASONING_END' | 'REASONING_MESSAGE_END' }
  | { readonly type: 'REASONING_MESSAGE_START'; readonly role: 'reasoning' }
  | { readonly type: 'REASONING_MESSAGE_CONTENT'; readonly delta: string }
);

/** The name of the tool call that a question of yes or no is. */
const QUESTION = 'question';

/** Clients know a tool by its title, unless they see the work of runs. */
export function toolEvents(tool: TitledTool): ToolEvent[] {
  const { id, name = tool.title, status, input = {}, output = status } = tool;
  if (status === 'running') return call({ id, name, json: JSON.stringify(input) });
  const result = status === 'failed' ? (tool.error ?? status) : output;
  return [resultOf(id, typeof result === 'string' ? result : JSON.stringify(result))];
}

/** A question of yes or no, as a call of its message: what the user says to it is the result. */
export function questionCall(id: string, event: NewEvent): ToolEvent[] {
  return call({ id, name: QUESTION, json: argumentsOf(event), parentMessageId: event.id });
}

/** As {@link questionCall}, in a message of a list. */
export function listedCall(id: string, event: NewEvent): object {
  return { id, type: 'function', function: { name: QUESTION, arguments: argumentsOf(event) } };
}

/** The end of a tool call. */
export function resultOf(toolCallId: string, content: string): ToolEvent {
  const messageId = `${toolCallId}:result`;
  return { type: 'TOOL_CALL_RESULT', messageId, toolCallId, role: 'tool', content };
}

function argumentsOf(event: NewEvent): string {
  return JSON.stringify({ question: assistantText(event) ?? '' });
}

function call({
  id: toolCallId,
  name: toolCallName,
  json: delta,
  parentMessageId,
}: {
  readonly id: string;
  readonly name: string;
  readonly json: string;
  readonly parentMessageId?: string;
}): ToolEvent[] {
  const parent = parentMessageId !== undefined && { parentMessageId };
  return [
    { type: 'TOOL_CALL_START', toolCallId, toolCallName, ...parent },
    { type: 'TOOL_CALL_ARGS', toolCallId, delta },
    { type: 'TOOL_CALL_END', toolCallId },
  ];
}

export function reasoningStart(messageId: string): ReasoningEvent[] {
  return [
    { type: 'REASONING_START', messageId },
    { type: 'REASONING_MESSAGE_START', messageId, role: 'reasoning' },
  ];
}

export function reasoningEnd(messageId: string): ReasoningEvent[] {
  return [
    { type: 'REASONING_MESSAGE_END', messageId },
    { type: 'REASONING_END', messageId },
  ];
}
