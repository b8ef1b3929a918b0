import type { HttpError } from '../../http/errors.ts';
import { json } from '../../http/route.ts';
import type { ApiContext, Call, Protocol, RefusedCall } from '../../http/route.ts';
import { resultOf, runHeaders, runToEnd, streamRun } from '../../http/run-routes.ts';
import { decode } from './decode.ts';
import { encodeError, encodeResult, encodeStream } from './encode.ts';
import { deepChatOperations } from './operations.ts';

/** The protocol of the web component Deep Chat (`connect`). */
export function deepChatProtocol(api: ApiContext): Protocol {
  async function answer(call: Call): Promise<Response> {
    const { run, end } = await runToEnd(api, call, decode(api, call, await call.body()));
    const headers = { ...call.headers, ...runHeaders(run) };
    return json({ headers }, encodeResult(resultOf(end)));
  }

  async function stream(call: Call): Promise<Response> {
    const { requestId } = call;
    const { exposeErrors } = api;
    const ask = decode(api, call, await call.body());
    return streamRun(api, call, ask, (run) => encodeStream(run, { requestId, exposeErrors }));
  }

  return {
    name: 'deep-chat',
    operations: deepChatOperations,
    routes: [
      { method: 'POST', path: '/deep-chat', handle: answer, encodeError: refuse },
      { method: 'POST', path: '/deep-chat/stream', handle: stream, encodeError: refuse },
    ],
  };
}

function refuse(error: HttpError, call: RefusedCall): Response {
  return json(call, encodeError(error), error.status);
}
