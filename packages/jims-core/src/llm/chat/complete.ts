import type {
  LanguageModelV4,
  LanguageModelV4Content,
  LanguageModelV4GenerateResult,
} from '@ai-sdk/provider';

import { callModel, inTime } from '../call.ts';
import type { Call, LlmScope } from '../call.ts';
import { ProviderReportError } from '../failures/errors.ts';
import { errorInAnswer } from '../failures/reported-error.ts';
import type { FinishReason } from '../finish-reasons.ts';
import type { UsableModel } from '../providers/models.ts';
import { recordAnswer, unusualUsage } from './answer.ts';
import type { Answer } from './answer.ts';
import { emptyAnswer, finishReasonOf } from './finish-reason.ts';
import type { AssistantMessage, ToolCall } from './messages.ts';
import { messageIn, providerDataOf, thoughtsByCall } from './provider-data.ts';
import type { ProviderData } from './provider-data.ts';
import { recordRequest } from './request.ts';
import type { ChatCall, ChatOptions } from './request.ts';

/** Nothing may arrive until a whole answer is complete, and a model may think for minutes. */
const WHOLE_ANSWER_TIMEOUT_MS = 600_000;

/**
 * Gets a whole answer from a chat model.
 *
 * @param accept Makes the result of the answer; throws an UnfitAnswerError to get another answer.
 */
export function complete<T>(
  scope: LlmScope,
  target: UsableModel<LanguageModelV4>,
  { request, options }: ChatCall,
  accept: (result: LanguageModelV4GenerateResult) => T | Promise<T>,
): Promise<T> {
  const { traceContent } = scope.settings;
  const { name, provider, model } = target;

  async function attempt(call: Call): Promise<T> {
    recordRequest(call, request, traceContent);
    const result = await inTime(
      call,
      (abortSignal) => model.doGenerate({ ...request, abortSignal }),
      thoughtsByCall(request.prompt),
    );
    // Before it is checked: an answer that is refused was paid for, too.
    await recordAnswer(call, answerOf(result, target), traceContent);
    refuseHalf(result);
    return accept(result);
  }

  const timeoutMs = WHOLE_ANSWER_TIMEOUT_MS;
  const callTarget = {
    operation: 'chat',
    name,
    provider,
    model: model.modelId,
    timeoutMs,
  } as const;
  return callModel(scope, options, callTarget, attempt);
}

function answerOf(
  { content, finishReason, response, usage }: LanguageModelV4GenerateResult,
  { model }: UsableModel<LanguageModelV4>,
): Answer {
  const counted = usage.inputTokens.total !== undefined;
  return {
    id: response?.id,
    model: response?.modelId ?? model.modelId,
    finish: finishReason.unified,
    usage: counted ? usage : (unusualUsage(response?.body) ?? usage),
    parts: () => content,
  };
}

/** Half an answer looks like a whole one; only its finish reason or a report beside it shows it. */
function refuseHalf({ finishReason, response }: LanguageModelV4GenerateResult): void {
  const error = errorInAnswer(response?.body);
  if (error) throw new ProviderReportError(error);
  finishReasonOf(finishReason);
}

/**
 * Makes messages of answers; they can go into the next call.
 *
 * @param repair Gives the tool calls with their arguments as the app's tools expect them.
 */
export function messageMaker(
  { provider }: UsableModel<LanguageModelV4>,
  { allowEmpty = false }: ChatOptions,
  repair: (calls: readonly ToolCall[]) => Promise<readonly ToolCall[]> = (calls) =>
    Promise.resolve(calls),
): (result: LanguageModelV4GenerateResult) => Promise<AssistantMessage> {
  return async (result) => {
    const calls = toolCallsIn(result.content);
    const text = textIn(result);
    const finishReason = finishReasonOf(result.finishReason);
    if (text.trim() === '' && calls.length === 0 && !allowEmpty) throw emptyAnswer(finishReason);
    const providerData = calls.length > 0 ? wantedBack(result, provider) : undefined;
    const message = {
      role: 'assistant',
      content: text || (calls.length > 0 ? null : ''),
      ...(calls.length > 0 && { tool_calls: await repair(calls) }),
      ...(providerData && { provider_data: providerData }),
    } as const;
    return withFinishReason(message, finishReason);
  };
}

/** Not enumerable: a message that is stored or sent is a message and nothing more. */
function withFinishReason(
  message: Omit<AssistantMessage, 'finishReason'>,
  finishReason: FinishReason,
): AssistantMessage {
  const ended = { ...message, finishReason };
  return Object.defineProperty(ended, 'finishReason', { enumerable: false });
}

/** The text of an answer. */
export function textIn({ content }: LanguageModelV4GenerateResult): string {
  return content.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

function wantedBack(
  { content, response }: LanguageModelV4GenerateResult,
  provider: string,
): ProviderData | undefined {
  return providerDataOf({ content, message: messageIn(response?.body) }, provider);
}

/** The tool calls in an answer. */
export function toolCallsIn(content: readonly LanguageModelV4Content[]): ToolCall[] {
  return content
    .filter((part) => part.type === 'tool-call')
    .map(({ toolCallId, toolName, input }) => ({
      id: toolCallId,
      type: 'function',
      // Some servers write nothing for no arguments, which is not JSON.
      function: { name: toolName, arguments: input.trim() === '' ? '{}' : input },
    }));
}
