import type { Run, RunThread } from 'jims-core';
import { describeError } from 'jims-core/host';

import type { ApiContext, Call } from '../http/route.ts';
import type { SseFrame } from '../http/sse/frame.ts';
import { SSE_HEADERS } from '../http/sse/response.ts';
import { runHeaders } from './answer-run.ts';
import { countedContact, startRun } from './start-run.ts';
import type { ClientRunRequest } from './start-run.ts';

type Frames = AsyncIterable<SseFrame>;
type Encode = (run: Run) => Frames | Promise<Frames>;

/** Starts a run and answers with a stream of it, in the frames of a protocol. */
export function streamRun(
  api: ApiContext,
  call: Call,
  request: ClientRunRequest,
  encode: Encode,
): Promise<Response> {
  const open = async (): Promise<OpenStream> => {
    const { run, leave: detach } = await startRun(api, call, request);
    return { headers: runHeaders(run), frames: await encode(run), onGone: detach };
  };
  return openStream(api, call, open, request.thread);
}

/** Answers with a stream of a run that is there already: one reader more. */
export function joinRun(api: ApiContext, call: Call, run: Run, encode: Encode): Promise<Response> {
  return openStream(api, call, async () => ({
    headers: runHeaders(run),
    frames: await encode(run),
    onGone: run.attach('continue'),
  }));
}

/** What a stream sends. */
export interface OpenStream {
  readonly frames: AsyncIterable<SseFrame>;
  /** Beside those of the call. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Called when the client left before the end. */
  readonly onGone?: () => void;
  /** Called when nothing more is sent, whatever the reason. */
  readonly onClose?: () => void;
}

/**
 * Answers with a stream, which counts for its contact as long as it is open. `thread` is the one of a
 * run that the stream starts.
 *
 * @throws HttpError 429, 503 when too many streams are open; whatever `open` throws.
 */
export async function openStream(
  api: ApiContext,
  call: Call,
  open: () => Promise<OpenStream>,
  thread?: RunThread,
): Promise<Response> {
  const release = api.streams.enter(countedContact(call, thread));
  try {
    const { headers, onClose, ...stream } = await open();
    return sendFrames(
      api,
      { ...call, headers: { ...call.headers, ...headers } },
      {
        ...stream,
        onClose() {
          release();
          onClose?.();
        },
      },
    );
  } catch (error) {
    release();
    throw error;
  }
}

function sendFrames(
  { heartbeatMs, logger, respond }: ApiContext,
  { request, headers, requestId, logStream }: Call,
  { frames, onGone, onClose }: Omit<OpenStream, 'headers'>,
): Response {
  if (request.method === 'HEAD') {
    onClose?.();
    onGone?.();
    return new Response(null, { headers: { ...SSE_HEADERS, ...headers } });
  }
  const logEnd = logStream();
  return respond(frames, {
    headers,
    heartbeatMs,
    onClose(end) {
      onClose?.();
      logEnd(end);
      if (end.kind === 'client_gone') onGone?.();
      if (end.kind === 'broken')
        logger.error({ requestId, error: describeError(end.error) }, 'stream broke off');
    },
  });
}
