import { setTimeout as sleep } from 'node:timers/promises';

import { isRunEnd } from 'jims-core';
import type { NumberedRunEvent, Run, RunEnd, RunResult } from 'jims-core';

import { errorText, toHttpError } from '../../http/error-response.ts';
import type { ErrorAnswerOptions } from '../../http/error-response.ts';
import type { HttpError } from '../../http/errors.ts';
import { jsonText } from '../../http/json-pieces.ts';
import { rpcResult } from '../../http/json-rpc.ts';
import type { RpcId } from '../../http/json-rpc.ts';
import { resultOf } from '../../http/run-routes.ts';
import { assistantText } from '../../http/said.ts';
import type { Sees } from '../../http/said.ts';
import type { SseFrame } from '../../http/sse-text.ts';

/** How a run is shown to who called the tool. */
export interface ResultOptions extends ErrorAnswerOptions {
  /** Which of the run's events he may see. */
  readonly sees: Sees;
}

export interface CallFramesOptions extends ResultOptions {
  readonly id: RpcId;
  /** Given by who wants to hear of progress. */
  readonly progressToken: string | number | undefined;
  /** How often there is progress to be told while nothing happens: it may keep the client patient. */
  readonly heartbeatMs: number;
  /** Aborted when the client took its call back: then it wants no answer. */
  readonly takenBack: AbortSignal | undefined;
}

/** A run as the stream of a tool call: its statuses as progress, then the result. */
export async function* callFrames(
  run: Run,
  options: CallFramesOptions,
): AsyncGenerator<SseFrame, void, void> {
  const { id, progressToken, heartbeatMs, takenBack } = options;
  let progress = 0;
  let message: string | undefined;

  function progressFrame(): SseFrame {
    const params = {
      progressToken,
      progress: ++progress,
      ...(message !== undefined && { message }),
    };
    return frame({ jsonrpc: '2.0', method: 'notifications/progress', params });
  }

  const patience = progressToken === undefined ? undefined : heartbeatMs;
  for await (const event of withTicks(run.listen(), patience)) {
    if (event !== 'tick' && isRunEnd(event)) {
      if (!takenBack?.aborted) yield frame(rpcResult(id, encodeEnd(run, event, options)));
    } else if (event === 'tick' || event.type === 'status') {
      if (event !== 'tick') message = event.status.message;
      if (progressToken !== undefined) yield progressFrame();
    }
  }
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

/** The events, and a tick whenever none came for so long. */
async function* withTicks(
  events: AsyncGenerator<NumberedRunEvent, void, void>,
  ms: number | undefined,
): AsyncGenerator<NumberedRunEvent | 'tick', void, void> {
  if (ms === undefined) return yield* events;
  let next = events.next();
  for (;;) {
    const timer = new AbortController();
    const tick = sleep(ms, 'tick' as const, { signal: timer.signal }).catch(() => 'tick' as const);
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
