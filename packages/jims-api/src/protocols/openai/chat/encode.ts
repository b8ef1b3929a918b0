import type { Run, RunEnd, RunResult } from 'jims-core';

import { resultOf } from '../../../chat/answer-run.ts';
import { assistantText } from '../../../chat/messages.ts';
import { tokensOf } from '../../../chat/usage.ts';
import { toHttpError } from '../../../http/error-response.ts';
import type { ErrorAnswerOptions } from '../../../http/error-response.ts';
import { SLOT, jsonTemplate, jsonText } from '../../../http/fastapi/json-pieces.ts';
import { hexOf } from '../../../http/fastapi/uuid.ts';
import type { SseFrame } from '../../../http/sse/frame.ts';
import { Expansion } from '../../../http/sse/ready-iterator.ts';
import type { ReadyIterable } from '../../../http/sse/ready-iterator.ts';
import { openAiError } from '../shared/error.ts';
import { secondsOf } from '../shared/ids.ts';
import { inTurn } from './in-turn.ts';
import type { InTurnEvent } from './in-turn.ts';

export interface StreamOptions extends ErrorAnswerOptions {
  readonly model: string;
  readonly includeUsage: boolean;
  /** Whether statuses are sent, as events that Open WebUI shows and other clients ignore. */
  readonly statuses: boolean;
}

const BETWEEN_MESSAGES = '\n\n';
const DONE: SseFrame = { data: '[DONE]' };

/** A result as one message: only its text; there is nothing in it for buttons and other events. */
export function encodeResult(run: Run, model: string, result: RunResult): object {
  const texts = result.events.map(assistantText).filter(Boolean);
  const message = { role: 'assistant', content: texts.join(BETWEEN_MESSAGES), refusal: null };
  return {
    ...headOf(run, 'chat.completion', model),
    choices: [{ index: 0, message, logprobs: null, finish_reason: 'stop' }],
    usage: usageOf(result),
  };
}

/** A run as chunks of one message. */
export function encodeStream(run: Run, options: StreamOptions): ReadyIterable<SseFrame> {
  const head = headOf(run, 'chat.completion.chunk', options.model);
  const chunk = (delta: object, finish_reason: 'stop' | null = null): object => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason }],
  });
  const textData = jsonTemplate(chunk({ content: SLOT }));
  const statusFrame = (description: string, done: boolean): SseFrame =>
    frame({ ...head, choices: [], event: { type: 'status', data: { description, done } } });
  /** The status that the user sees. */
  let status: string | undefined;
  let messageId: string | undefined;

  function* encode(event: InTurnEvent): Generator<SseFrame> {
    if (event.type === 'status') {
      if (!options.statuses) return;
      status = event.status.message;
      yield statusFrame(status, false);
      return;
    }
    if (status !== undefined) yield statusFrame(status, true);
    status = undefined;
    if (event.type !== 'text') return yield* ending(event);
    if (messageId !== undefined && messageId !== event.messageId) {
      yield { data: textData(BETWEEN_MESSAGES) };
    }
    messageId = event.messageId;
    yield { data: textData(event.text) };
  }

  function* ending(end: RunEnd): Generator<SseFrame> {
    let result: RunResult;
    try {
      result = resultOf(end);
    } catch (error) {
      yield frame({ error: openAiError(toHttpError(error, options)) });
      return;
    }
    yield frame(chunk({}, 'stop'));
    if (options.includeUsage) yield frame({ ...head, choices: [], usage: usageOf(result) });
    yield DONE;
  }

  return new Expansion(inTurn(run), encode, {
    first: [frame(chunk({ role: 'assistant', content: '' }))],
  });
}

function headOf({ id }: Run, object: string, model: string): object {
  return { id: `chatcmpl-${hexOf(id)}`, object, created: secondsOf(id), model };
}

function usageOf(result: RunResult): object {
  const { input, cached, output, total } = tokensOf(result);
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: total,
    prompt_tokens_details: { cached_tokens: cached },
  };
}

function frame(value: object): SseFrame {
  return { data: jsonText(value) };
}
