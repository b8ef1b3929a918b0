import type { Run } from 'jims-core';

import { HttpError } from '../../http/errors.ts';
import { threadOfHistory } from '../../http/history-thread.ts';
import { NOBODY, callerOf, chatOf, threadIdOf } from '../../http/openai/caller.ts';
import { openAiRoutes } from '../../http/openai/routes.ts';
import { throwAway } from '../../http/openai/throw-away.ts';
import { json } from '../../http/route.ts';
import type { ApiContext, Call, Protocol } from '../../http/route.ts';
import { namedThread, resultOf, runHeaders, startRun, streamRun } from '../../http/run-routes.ts';
import type { RunAsk } from '../../http/run-routes.ts';
import { decode } from './decode.ts';
import type { ChatCompletionAsk } from './decode.ts';
import { encodeResult, encodeStream } from './encode.ts';
import { modelOf } from './models.ts';
import { openAiChatOperations } from './operations.ts';
import { isSideTask } from './side-task.ts';

const PROTOCOL = 'openai-chat';
const METHODS = ['GET', 'POST', 'PATCH', 'DELETE'] as const;

/** OpenAI's Chat Completions (`/v1/chat/completions`) and its list of models. */
export function openAiChatProtocol(api: ApiContext): Protocol {
  async function complete(call: Call): Promise<Response> {
    const asked = decode(await call.body());
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
    const { incoming, caller, threadConfig, earlier } = asked;
    // Closing the connection is how these clients say stop.
    const terms = { incoming, onDisconnect: 'cancel' } as const;
    const contactId = callerOf(call, caller);
    const threadId = call.request.headers.get('x-jims-thread-id') || asked.threadId;
    if (threadId !== undefined && !aside) {
      const thread = namedThread(api, call, { threadId: threadIdOf(threadId), contactId });
      return { ...terms, thread };
    }
    const thread = await threadOfHistory(api.app, {
      contactId: contactId ?? NOBODY,
      chatId: aside ? undefined : chatOf(call, PROTOCOL),
      earlier,
      message: String(incoming.data['content']),
      threadConfig,
    });
    return { ...terms, thread };
  }

  return {
    name: PROTOCOL,
    operations: openAiChatOperations,
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
      ...METHODS.map((method) => ({ method, path: '/v1/*', handle: unknownPath, alias: true })),
    ]),
  };
}

/** Statuses may be in the way of a client that takes every chunk for text. */
function wantsStatuses({ request }: Call): boolean {
  return request.headers.get('x-jims-statuses')?.toLowerCase() !== 'off';
}

function unknownPath({ request, path }: Call): never {
  throw new HttpError(404, `Unknown request URL: ${request.method} ${path}`, {
    code: 'unknown_url',
  });
}
