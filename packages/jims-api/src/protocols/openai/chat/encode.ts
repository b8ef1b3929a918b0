import type { Run, RunEnd, RunResult } from 'jims-core';

import { resultOf } from '../../../chat/answer-run.ts';
import { assistantText } from '../../../chat/messages.ts';
import { tokensOf } from '../../../chat/usage.ts';
import { toHttpError } from '../../../http/error-response.ts';
import type { ErrorAnswerOptions } from '../../../http/error-response.ts';
import { jsonText } from '../../../http/fastapi/json-pieces.ts';
import { hexOf } from '../../../http/fastapi/uuid.ts';
import type { SseFrame } from '../../../http/sse/frame.ts';
import { openAiError } from '../shared/error.ts';
import { secondsOf } from '../shared/ids.ts';
import { inTurn } from './in-turn.ts';

export interface StreamOptions extends ErrorAnswerOptions {
  readonly model: string;
  readonly includeUsage: boolean;
  /** Whether statuses are sent, as events that Open WebUI shows and others do not mind. */
  readonly statuses: boolean;
}

const BETWEEN_MESSAGES = '\n\n';
const DONE: SseFrame = { data: '[DONE]' };

/** A result as one message: texts alone, buttons and other events have no place in it. */
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
export async function* encodeStream(
  run: Run,
  options: StreamOptions,
): AsyncGenerator<SseFrame, void, void> {
  const head = headOf(run, 'chat.completion.chunk', options.model);
  const chunk = (delta: object, finish_reason: 'stop' | null = null): SseFrame =>
    frame({ ...head, choices: [{ index: 0, delta, finish_reason }] });
  const status = (description: string, done: boolean): SseFrame =>
    frame({ ...head, choices: [], event: { type: 'status', data: { description, done } } });
  /** What the user is told is going on. */
  let doing: string | undefined;
  let current: string | undefined;

  yield chunk({ role: 'assistant', content: '' });
  for await (const event of inTurn(run)) {
    if (event.type === 'status') {
      if (!options.statuses) continue;
      doing = event.status.message;
      yield status(doing, false);
      continue;
    }
    if (doing !== undefined) yield status(doing, true);
    doing = undefined;
    if (event.type === 'text') {
      const next = current !== undefined && current !== event.messageId;
      if (next) yield chunk({ content: BETWEEN_MESSAGES });
      current = event.messageId;
      yield chunk({ content: event.text });
    } else {
      yield* ending(event);
    }
  }

  function* ending(end: RunEnd): Generator<SseFrame> {
    let result: RunResult;
    try {
      result = resultOf(end);
    } catch (error) {
      yield frame({ error: openAiError(toHttpError(error, options)) });
      return;
    }
    yield chunk({}, 'stop');
    if (options.includeUsage) yield frame({ ...head, choices: [], usage: usageOf(result) });
    yield DONE;
  }
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
