import { setTimeout as sleep } from 'node:timers/promises';

import { isRunEnd } from 'jims-core';
import type { NumberedRunEvent, Run, RunEnd, RunResult } from 'jims-core';

import { resultOf } from '../../chat/answer-run.ts';
import { assistantText } from '../../chat/messages.ts';
import type { Sees } from '../../chat/visibility.ts';
import { errorText, toHttpError } from '../../http/error-response.ts';
import type { ErrorAnswerOptions } from '../../http/error-response.ts';
import type { HttpError } from '../../http/errors.ts';
import { jsonText } from '../../http/fastapi/json-pieces.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { rpcResult } from '../json-rpc.ts';
import type { RpcId } from '../json-rpc.ts';

/** How a run is shown to the caller of the tool. */
export interface ResultOptions extends ErrorAnswerOptions {
  /** Which of the run's events they may see. */
  readonly sees: Sees;
}

export interface CallFramesOptions extends ResultOptions {
  readonly id: RpcId;
  /** Sent by clients that want to hear of progress. */
  readonly progressToken: string | number | undefined;
  /** How often a silent stream reports progress, at least. */
  readonly heartbeatMs: number;
  /** Aborted when the client cancelled its call: then it wants no answer. */
  readonly takenBack: AbortSignal | undefined;
}

/** How often progress is sent while nothing happens: many clients wait for it, not for the answer. */
const PROGRESS_MS = 3000;
/** Streamed text is progress, but not every piece of it. */
const TEXT_PROGRESS_MS = 200;

/** A run as the stream of a tool call: progress, with its statuses, then the result. */
export async function* callFrames(
  run: Run,
  options: CallFramesOptions,
): AsyncGenerator<SseFrame, void, void> {
  const { id, progressToken, heartbeatMs, takenBack } = options;
  let progress = 0;
  let progressAt = performance.now();
  let message: string | undefined;

  const sinceProgress = (): number => performance.now() - progressAt;

  function progressFrame(): SseFrame {
    progressAt = performance.now();
    const params = {
      progressToken,
      progress: ++progress,
      ...(message !== undefined && { message }),
    };
    return frame({ jsonrpc: '2.0', method: 'notifications/progress', params });
  }

  const everyMs = Math.min(heartbeatMs, PROGRESS_MS);
  const patience =
    progressToken === undefined ? undefined : (): number => everyMs - sinceProgress();
  for await (const event of withTicks(run.listen(), patience)) {
    if (event !== 'tick' && isRunEnd(event)) {
      if (!takenBack?.aborted) yield frame(rpcResult(id, encodeEnd(run, event, options)));
      continue;
    }
    message = wordsOf(event) ?? message;
    if (progressToken !== undefined && isProgress(event, sinceProgress())) yield progressFrame();
  }
}

/** What the app is doing: its status, or the title of a step that begins. */
function wordsOf(event: NumberedRunEvent | 'tick'): string | undefined {
  if (event === 'tick') return undefined;
  if (event.type === 'status') return event.status.message;
  return event.type === 'step' && event.step.status === 'running' ? event.step.title : undefined;
}

function isProgress(event: NumberedRunEvent | 'tick', sinceMs: number): boolean {
  if (event === 'tick' || wordsOf(event) !== undefined) return true;
  return event.type === 'delta' && sinceMs >= TEXT_PROGRESS_MS;
}

/** How a run ended, as what its tool call gives. */
export function encodeEnd(run: Run, end: RunEnd, options: ResultOptions): object {
  try {
    return encodeResult(run, resultOf(end), options);
  } catch (error) {
    return encodeFailure(toHttpError(error, options));
  }
}

/** A failure that the model is to read. */
export function encodeFailure(error: HttpError): object {
  return { content: [{ type: 'text', text: errorText(error) }], isError: true };
}

function encodeResult(run: Run, { events }: RunResult, { sees }: ResultOptions): object {
  const texts = events.flatMap((event) => assistantText(event) || []);
  return {
    content: texts.map((text) => ({ type: 'text', text })),
    structuredContent: {
      thread_id: run.thread.id,
      created_new_thread: run.createdThread,
      assistant_messages: texts,
      events: events
        .filter(({ type }) => sees(type))
        .map(({ type, data }) => ({ event_type: type, event_data: data })),
    },
  };
}

function frame(message: object): SseFrame {
  return { event: 'message', data: jsonText(message) };
}

/** The events, and ticks; `untilTick` says after how many milliseconds the next one is due. */
async function* withTicks(
  events: AsyncGenerator<NumberedRunEvent, void, void>,
  untilTick: (() => number) | undefined,
): AsyncGenerator<NumberedRunEvent | 'tick', void, void> {
  if (!untilTick) return yield* events;
  let next = events.next();
  for (;;) {
    const timer = new AbortController();
    const tick = sleep(Math.max(0, untilTick()), 'tick' as const, { signal: timer.signal }).catch(
      () => 'tick' as const,
    );
    const first = await Promise.race([next, tick]);
    timer.abort();
    if (first === 'tick') {
      yield first;
      continue;
    }
    if (first.done) return;
    yield first.value;
    next = events.next();
  }
}
