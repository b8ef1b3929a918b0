import type { Run } from 'jims-core';

import { threadOfMessage } from '../../../chat/chat-message.ts';
import {
  resultOf,
  runHeaders,
  startRun,
  streamRun,
  threadHeader,
} from '../../../chat/run-routes.ts';
import type { RunAsk } from '../../../chat/run-routes.ts';
import { placeInTurn } from '../../../http/reading-turns.ts';
import { json } from '../../../http/route.ts';
import type { ApiContext, Call, Protocol } from '../../../http/route.ts';
import { NOBODY, callerOf, chatOf } from '../shared/caller.ts';
import { openAiElsewhere, openAiRoutes } from '../shared/routes.ts';
import { throwAway } from '../shared/throw-away.ts';
import { decode } from './decode.ts';
import type { ChatCompletionAsk } from './decode.ts';
import { encodeResult, encodeStream } from './encode.ts';
import { modelOf } from './models.ts';
import { openAiChatOperations } from './operations.ts';
import { isSideTask } from './side-task.ts';

const PROTOCOL = 'openai-chat';

/** OpenAI's Chat Completions (`/v1/chat/completions`) and its list of models. */
export function openAiChatProtocol(api: ApiContext): Protocol {
  async function complete(call: Call): Promise<Response> {
    const asked = decode(api, await call.body());
    const aside = isSideTask(call, asked);
    const ask = await askOf(call, asked, aside);
    const began = (run: Run): Run => {
      if (aside) throwAway(api, call, run);
      return run;
    };
    if (asked.stream) {
      const { requestId } = call;
      const { exposeErrors } = api;
      const { model, includeUsage } = asked;
      const statuses = wantsStatuses(call);
      const options = { model, includeUsage, statuses, requestId, exposeErrors };
      return streamRun(api, call, ask, (run) => encodeStream(began(run), options));
    }
    const run = began(await startRun(api, call, ask));
    const result = resultOf(await run.end);
    const headers = { ...call.headers, ...runHeaders(run) };
    return json({ headers }, encodeResult(run, asked.model, result));
  }

  async function askOf(call: Call, asked: ChatCompletionAsk, aside: boolean): Promise<RunAsk> {
    const place = await placeInTurn(api, call, () =>
      threadOfMessage(api, call, asked, {
        contactId: callerOf(call, asked.caller),
        nobody: NOBODY,
        threadId: aside ? undefined : (threadHeader(call) ?? asked.threadId),
        chatId: aside ? undefined : chatOf(call, PROTOCOL),
        interface: 'openai',
      }),
    );
    // Closing the connection is how these clients say stop.
    return { ...place, incoming: asked.incoming, onDisconnect: 'cancel' };
  }

  return {
    name: PROTOCOL,
    operations: openAiChatOperations,
    fallback: openAiElsewhere,
    routes: openAiRoutes([
      { method: 'POST', path: '/v1/chat/completions', handle: complete },
      {
        method: 'GET',
        path: '/v1/models',
        handle: (call) => json(call, { object: 'list', data: [modelOf(api.app)] }),
      },
      {
        method: 'GET',
        path: '/v1/models/:model',
        handle: (call) => json(call, modelOf(api.app, call.params['model'])),
      },
    ]),
  };
}

/** Statuses may be in the way of a client that takes every chunk for text. */
function wantsStatuses({ request }: Call): boolean {
  return request.headers.get('x-jims-statuses')?.toLowerCase() !== 'off';
}
