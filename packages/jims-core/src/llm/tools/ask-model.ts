import type { LanguageModelV4 } from '@ai-sdk/provider';

import type { LlmScope } from '../call.ts';
import type { ChatRequest } from '../chat/request.ts';
import { streamAnswer } from '../chat/stream.ts';
import type { AnswerPiece } from '../chat/streamed-answer.ts';
import { toolsOf } from '../chat/tools.ts';
import { UnfitAnswerError } from '../failures/errors.ts';
import type { UsableModel } from '../providers/models.ts';
import type { ModelAnswer, ModelRequest } from './model-request.ts';

const STILL_CALLS = 'has no text: the model still wants to call tools after maxRounds rounds';

/** Gets one answer of a loop, piece by piece. An answer without text and without calls is a failure. */
export async function* askModel(
  scope: LlmScope,
  target: UsableModel<LanguageModelV4>,
  request: ChatRequest,
  { options, tools, parts, withoutTools }: ModelRequest,
): AsyncGenerator<AnswerPiece, ModelAnswer, void> {
  const added = await toolsOf(tools, withoutTools ? 'none' : undefined);
  const call = { request: { ...request, ...added }, options };
  return yield* streamAnswer(scope, target, call, {
    show: (piece) => parts.add(piece),
    end(answer, provider) {
      const calls = withoutTools ? [] : answer.calls;
      if (calls.length === 0 && parts.text === '' && !options.allowEmpty) {
        throw new UnfitAnswerError(answer.calls.length > 0 ? STILL_CALLS : 'is empty', [], false);
      }
      const providerData = calls.length > 0 ? answer.providerData(provider) : undefined;
      return { calls, finishReason: answer.finishReason(), providerData };
    },
  });
}
