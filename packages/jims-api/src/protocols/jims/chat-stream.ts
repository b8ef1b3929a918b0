import { isInternalEvent } from 'jims-core';
import type { Run, RunEvent } from 'jims-core';

import { errorBody, toHttpError } from '../../http/error-response.ts';
import type { ErrorAnswerOptions } from '../../http/error-response.ts';
import { pythonJson } from '../../http/python-json.ts';
import type { SseFrame } from '../../http/sse.ts';
import { chatResponse } from './chat.ts';
import type { ChatRequest } from './schemas.ts';

/**
 * A run as the original's stream: `status` frames, then one `result` or `error`. Whatever a request
 * asked for by `include` comes in between; a strict client sees the original's bytes.
 */
export async function* chatFrames(
  chat: ChatRequest,
  run: Run,
  options: ErrorAnswerOptions,
): AsyncGenerator<SseFrame, void, void> {
  if (chat.include.has('thread')) {
    const { thread, createdThread, id } = run;
    yield frame('thread', {
      thread_id: thread.id,
      created_new_thread: createdThread,
      run_id: id,
    });
  }
  for await (const event of run.listen()) {
    const encoded = encode(chat, run, event, options);
    if (encoded) yield encoded;
  }
}

function encode(
  chat: ChatRequest,
  run: Run,
  event: RunEvent,
  options: ErrorAnswerOptions,
): SseFrame | undefined {
  switch (event.type) {
    case 'status': {
      const { message, statusType } = event.status;
      return frame('status', { status: message, type: statusType });
    }
    case 'delta': {
      const { messageId, delta } = event;
      return chat.include.has('delta')
        ? frame('delta', { message_id: messageId, delta })
        : undefined;
    }
    case 'event': {
      const { id, type, data } = event.event;
      if (!chat.include.has('event') || isInternalEvent(type)) return undefined;
      return frame('event', { event_id: id, event_type: type, event_data: data });
    }
    case 'result':
      return frame('result', chatResponse(chat, run, event.result));
    case 'error':
      return frame('error', errorBody(toHttpError(event.error, options)));
    case 'cancelled':
      return frame('cancelled', {});
  }
}

function frame(event: string, data: object): SseFrame {
  return { event, data: pythonJson(data) };
}
