import type { LanguageModelV4, LanguageModelV4GenerateResult } from '@ai-sdk/provider';

import { cutText } from '../util/cut-text.ts';
import { callModel, inTime } from './call.ts';
import type { Call, CallOptions, LlmScope } from './call.ts';
import { noteAnswer, noteRequest } from './chat-request.ts';
import type { Answer, ChatOptions, ChatRequest } from './chat-request.ts';
import { emptyAnswer, finishReason as finishReasonOf } from './finish-reason.ts';
import type { FinishReason } from './finish-reason.ts';
import type { AssistantMessage, ToolCall } from './messages.ts';
import type { UsableModel } from './models.ts';
import { providerDataOf, thoughtsByCall } from './provider-data.ts';
import { BrokenAnswerError } from './provider-failure.ts';
import { ProviderReportError, errorInAnswer } from './reported-error.ts';
import { usageBeside } from './usage-beside.ts';

/** Of a whole answer nothing may come until it is complete, and a model may think for minutes. */
const WHOLE_ANSWER_TIMEOUT_MS = 600_000;
const MAX_REASON = 100;

/** Asks a chat model for a whole answer. `accept` may refuse what came, and thereby ask for another. */
export function complete<T>(
  scope: LlmScope,
  target: UsableModel<LanguageModelV4>,
  { request, options }: { readonly request: ChatRequest; readonly options: CallOptions },
  accept: (result: LanguageModelV4GenerateResult) => T | Promise<T>,
): Promise<T> {
  const { traceContent } = scope.settings;
  const { name, provider, model } = target;
  const what = {
    operation: 'chat',
    name,
    provider,
    model: model.modelId,
    timeoutMs: WHOLE_ANSWER_TIMEOUT_MS,
  } as const;

  async function attempt(call: Call): Promise<T> {
    const result = await inTime(
      call,
      (abortSignal) => target.model.doGenerate({ ...request, abortSignal }),
      thoughtsByCall(request.prompt),
    );
    // Before it is looked at: an answer that is no use was paid, too.
    await noteAnswer(call, answerOf(result, target), traceContent);
    refuseHalf(result);
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
    usage: usage.inputTokens.total === undefined ? (usageBeside(response?.body) ?? usage) : usage,
    parts: () => content,
  };
}

/** Half an answer looks like a whole one, but for what stands beside it. */
function refuseHalf(result: LanguageModelV4GenerateResult): void {
  const error = errorInAnswer(result.response?.body);
  if (error) throw new ProviderReportError(error);
  endOf(result);
}

/** @throws BrokenAnswerError when the provider failed while the model wrote. */
export function endOf({ finishReason: given }: LanguageModelV4GenerateResult): FinishReason {
  const reason = finishReasonOf(given);
  if (reason !== undefined) return reason;
  throw new BrokenAnswerError(
    `the answer ended with '${cutText(given.raw ?? given.unified, MAX_REASON)}'`,
  );
}

/**
 * Makes messages of answers; they can go into the next call.
 *
 * @param asMeant Gives the calls as the tools mean them.
 */
export function messageMaker(
  { provider }: UsableModel<LanguageModelV4>,
  { allowEmpty = false }: ChatOptions,
  asMeant: (calls: readonly ToolCall[]) => Promise<readonly ToolCall[]> = (calls) =>
    Promise.resolve(calls),
): (result: LanguageModelV4GenerateResult) => Promise<AssistantMessage> {
  return async (result) => {
    const calls = toolCalls(result);
    const text = answerText(result);
    const finishReason = endOf(result);
    if (text.trim() === '' && calls.length === 0 && !allowEmpty) throw emptyAnswer(finishReason);
    const kept = calls.length > 0 ? providerDataOf(result, provider) : undefined;
    const message = {
      role: 'assistant',
      content: text || (calls.length > 0 ? null : ''),
      ...(calls.length > 0 && { tool_calls: await asMeant(calls) }),
      ...(kept && { provider_data: kept }),
    } as const;
    return withFinishReason(message, finishReason);
  };
}

/** Not enumerable, so that a message that is stored or sent is a message and nothing more. */
function withFinishReason(
  message: Omit<AssistantMessage, 'finishReason'>,
  finishReason: FinishReason,
): AssistantMessage {
  const ended = { ...message, finishReason };
  return Object.defineProperty(ended, 'finishReason', { enumerable: false });
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
      // Some servers write nothing for no arguments, which is not JSON.
      function: { name: toolName, arguments: input.trim() === '' ? '{}' : input },
    }));
}
