import type { Run, RunResult } from 'jims-core';

import { toHttpError } from '../../http/error-response.ts';
import type { ErrorAnswerOptions } from '../../http/error-response.ts';
import { HttpError } from '../../http/errors.ts';
import { openAiErrorBody } from '../../http/openai-error.ts';
import { assistantText } from '../../http/said.ts';
import type { SseFrame } from '../../http/sse.ts';
import { toldRun } from '../../http/told-run.ts';
import type { ToldEvent } from '../../http/told-run.ts';
import type { ChatCompletion } from './decode.ts';

const BETWEEN_MESSAGES = '\n\n';
const DONE: SseFrame = { data: '[DONE]' };

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}

/** A run's result as one completion: several messages are one text, a blank line between them. */
export function encodeResult(request: ChatCompletion, run: Run, result: RunResult): object {
  const texts = result.events.flatMap((event) => assistantText(event) ?? []);
  const message = {
    role: 'assistant',
    content: texts.filter((text) => text !== '').join(BETWEEN_MESSAGES),
    refusal: null,
  };
  return {
    ...head(request, run, 'chat.completion'),
    choices: [{ index: 0, message, logprobs: null, finish_reason: 'stop' }],
    usage: usageOf(result),
  };
}

/** A run as completion chunks. */
export async function* encodeStream(
  request: ChatCompletion,
  run: Run,
  options: ErrorAnswerOptions,
): AsyncGenerator<SseFrame, void, void> {
  const chunks = createChunks(request, run);
  yield chunks.delta({ role: 'assistant', content: '' });
  for await (const event of toldRun(run)) yield* encode(event, request, chunks, options);
}

function* encode(
  event: ToldEvent,
  request: ChatCompletion,
  chunks: Chunks,
  options: ErrorAnswerOptions,
): Generator<SseFrame> {
  switch (event.type) {
    case 'status':
      yield chunks.status(event.status.message);
      break;
    case 'text_start':
      yield* chunks.beginText();
      break;
    case 'text_delta':
      yield chunks.delta({ content: event.delta });
      break;
    case 'text_end':
    case 'event':
      break;
    case 'result':
      yield* chunks.endStatus();
      yield chunks.delta({}, 'stop');
      if (request.includeUsage) yield chunks.chunk({ choices: [], usage: usageOf(event.result) });
      yield DONE;
      break;
    case 'error':
      yield failure(toHttpError(event.error, options));
      break;
    case 'cancelled':
      yield failure(new HttpError(409, 'The run was cancelled', { code: 'cancelled' }));
      break;
  }
}

/** Writes the chunks of one completion. */
interface Chunks {
  chunk(more: object): SseFrame;
  delta(value: object, finishReason?: 'stop'): SseFrame;
  /** Open WebUI shows it; to the others it is a chunk without choices. */
  status(description: string): SseFrame;
  /** Says that the last status is over, if there is one. */
  endStatus(): Generator<SseFrame>;
  beginText(): Generator<SseFrame>;
}

function createChunks(request: ChatCompletion, run: Run): Chunks {
  const common = head(request, run, 'chat.completion.chunk');
  const chunk = (more: object): SseFrame => ({ data: JSON.stringify({ ...common, ...more }) });
  let openStatus: string | undefined;
  let texts = 0;

  function statusChunk(description: string, done: boolean): SseFrame {
    return chunk({ choices: [], event: { type: 'status', data: { description, done } } });
  }

  function delta(value: object, finishReason: 'stop' | null = null): SseFrame {
    return chunk({ choices: [{ index: 0, delta: value, finish_reason: finishReason }] });
  }

  function* endStatus(): Generator<SseFrame> {
    if (openStatus !== undefined) yield statusChunk(openStatus, true);
    openStatus = undefined;
  }

  return {
    chunk,
    delta,
    endStatus,
    status(description) {
      openStatus = description;
      return statusChunk(description, false);
    },
    *beginText() {
      yield* endStatus();
      if (texts++ > 0) yield delta({ content: BETWEEN_MESSAGES });
    },
  };
}

function failure(error: HttpError): SseFrame {
  return { data: JSON.stringify(openAiErrorBody(error)) };
}

function head({ model }: ChatCompletion, { id }: Run, object: string): object {
  const created = Math.floor(Date.now() / 1000);
  return { id: `chatcmpl-${id.replaceAll('-', '')}`, object, created, model };
}

/** What all models of the run used together; zeros when it used none. */
function usageOf({ usage = [] }: RunResult): Usage {
  const sum = (of: (used: NonNullable<RunResult['usage']>[number]) => number): number =>
    usage.reduce((total, used) => total + of(used), 0);
  const prompt_tokens = sum((used) => used.promptTokens);
  const completion_tokens = sum((used) => used.completionTokens);
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens: sum((used) => used.cachedTokens) },
  };
}
