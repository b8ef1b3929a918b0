import { requireContact } from '../../http/auth/principal.ts';
import { json } from '../../http/route.ts';
import type { ApiContext, Call, Protocol } from '../../http/route.ts';
import { sseResponse } from '../../http/sse.ts';
import { chatFrames } from './chat-stream.ts';
import { chatResponse, startChat } from './chat.ts';
import { jimsOperations } from './operations.ts';
import { parseChatRequest } from './schemas.ts';
import type { ChatRequest } from './schemas.ts';

/** JIMS's own protocol, as the original speaks it. */
export function jimsProtocol(api: ApiContext): Protocol {
  async function parse(call: Call): Promise<ChatRequest> {
    const request = parseChatRequest(await call.body(), api);
    requireContact(call.principal, request.contactId);
    return request;
  }

  async function chat(call: Call): Promise<Response> {
    const request = await parse(call);
    const run = await startChat(api, request, call);
    const end = await run.end;
    switch (end.type) {
      case 'result':
        return json(call, chatResponse(request, run, end.result));
      case 'error':
        throw end.error;
      case 'cancelled':
        return json(call, { detail: 'The run was cancelled', code: 'cancelled' }, 409);
    }
  }

  async function chatStream(call: Call): Promise<Response> {
    const request = await parse(call);
    const run = await startChat(api, request, call);
    const { requestId, headers } = call;
    const { exposeErrors, heartbeatMs } = api;
    const frames = chatFrames(request, run, { requestId, exposeErrors });
    return sseResponse(frames, { headers, heartbeatMs });
  }

  return {
    name: 'jims',
    operations: jimsOperations,
    routes: [
      { method: 'POST', path: '/api/v1/chat', handle: chat },
      { method: 'POST', path: '/api/v1/chat/stream', handle: chatStream },
    ],
  };
}
