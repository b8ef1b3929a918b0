import type { TitledTool } from '../../chat/work-reader.ts';

/** A tool that the service calls: AG-UI has no event for its failure, so that is its result. */
export type ToolEvent = { readonly toolCallId: string } & (
  | { readonly type: 'TOOL_CALL_START'; readonly toolCallName: string }
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

/** Clients know a tool by its title, unless they see the work of runs. */
export function toolEvents(tool: TitledTool): ToolEvent[] {
  const { id: toolCallId, name = tool.title, status, input = {}, output = status } = tool;
  if (status === 'running') {
    return [
      { type: 'TOOL_CALL_START', toolCallId, toolCallName: name },
      { type: 'TOOL_CALL_ARGS', toolCallId, delta: JSON.stringify(input) },
      { type: 'TOOL_CALL_END', toolCallId },
    ];
  }
  const result = status === 'failed' ? (tool.error ?? status) : output;
  const content = typeof result === 'string' ? result : JSON.stringify(result);
  const messageId = `${toolCallId}:result`;
  return [{ type: 'TOOL_CALL_RESULT', messageId, toolCallId, role: 'tool', content }];
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
