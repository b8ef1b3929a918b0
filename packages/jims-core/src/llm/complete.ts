import type { LanguageModelV4, LanguageModelV4GenerateResult } from '@ai-sdk/provider';

import { callModel, inTime } from './call.ts';
import type { Call, CallOptions, LlmScope } from './call.ts';
import { noteAnswer, noteRequest } from './chat-request.ts';
import type { Answer, ChatRequest } from './chat-request.ts';
import type { AssistantMessage, ToolCall } from './messages.ts';
import type { UsableModel } from './models.ts';

/** Asks a chat model for a whole answer. `accept` may refuse what came, and thereby ask for another. */
export function complete<T>(
  scope: LlmScope,
  target: UsableModel<LanguageModelV4>,
  { request, options }: { readonly request: ChatRequest; readonly options: CallOptions },
  accept: (result: LanguageModelV4GenerateResult) => T | Promise<T>,
): Promise<T> {
  const { traceContent } = scope.settings;
  const { name, provider, model } = target;
  const what = { operation: 'chat', name, provider, model: model.modelId } as const;

  async function attempt(call: Call): Promise<T> {
    const result = await inTime(call, (abortSignal) =>
      target.model.doGenerate({ ...request, abortSignal }),
    );
    // Before it is looked at: an answer that is no use was paid, too.
    await noteAnswer(call, answerOf(result, target), traceContent);
    return accept(result);
  }

  return callModel(scope, options, what, async (call) => {
    noteRequest(call, request, traceContent);
    return call.attempts(() => attempt(call));
  });
}

function answerOf(
  { content, finishReason, response, usage }: LanguageModelV4GenerateResult,
  { model }: UsableModel<LanguageModelV4>,
): Answer {
  return {
    id: response?.id,
    model: response?.modelId ?? model.modelId,
    finish: finishReason.unified,
    usage,
    parts: () => content,
  };
}

/** The answer as a message that can go into the next call. */
export function assistantMessage(result: LanguageModelV4GenerateResult): AssistantMessage {
  const calls = toolCalls(result);
  return {
    role: 'assistant',
    content: answerText(result) || (calls.length > 0 ? null : ''),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

export function answerText({ content }: LanguageModelV4GenerateResult): string {
  return content.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

function toolCalls({ content }: LanguageModelV4GenerateResult): ToolCall[] {
  return content
    .filter((part) => part.type === 'tool-call')
    .map(({ toolCallId, toolName, input }) => ({
      id: toolCallId,
      type: 'function',
      function: { name: toolName, arguments: input },
    }));
}
