import { createFailureMemory } from '../../http/failure-memory.ts';
import { openAiError } from '../../http/openai-error.ts';
import { json } from '../../http/route.ts';
import type { ApiContext, Call, Protocol, Route } from '../../http/route.ts';
import { resultOf, runHeaders, runToEnd, streamRun } from '../../http/run-routes.ts';
import type { RunAsk } from '../../http/run-routes.ts';
import { userEvent } from '../../http/user-text.ts';
import { decode } from './decode.ts';
import type { ChatCompletion } from './decode.ts';
import { encodeResult, encodeStream } from './encode.ts';
import { openAiChatOperations } from './operations.ts';
import { threadOf } from './thread.ts';

const MODEL = 'jims';
/** The second is for clients that want a path of their own. */
const BASES = [
  { base: '/v1', alias: false },
  { base: '/openai/v1', alias: true },
];

/** OpenAI's Chat Completions and models. */
export function openAiChatProtocol(api: ApiContext): Protocol {
  const { exposeErrors } = api;
  const failures = createFailureMemory(api);

  async function askOf(call: Call, request: ChatCompletion): Promise<RunAsk> {
    return {
      thread: await threadOf(api, call, request),
      incoming: userEvent(request.text),
      // These clients have no other way to say stop.
      onDisconnect: 'cancel',
    };
  }

  async function create(call: Call): Promise<Response> {
    const request = decode(await call.body());
    const { requestId } = call;
    if (!request.stream) return failures.answer(call, () => complete(call, request));
    return streamRun(api, call, await askOf(call, request), (run) =>
      encodeStream(request, run, { requestId, exposeErrors }),
    );
  }

  async function complete(call: Call, request: ChatCompletion): Promise<Response> {
    const { run, end } = await runToEnd(api, call, await askOf(call, request));
    const headers = { ...call.headers, ...runHeaders(run) };
    return json({ headers }, encodeResult(request, run, resultOf(end)));
  }

  return {
    name: 'openai-chat',
    operations: openAiChatOperations,
    routes: BASES.flatMap(({ base, alias }): Route[] => {
      const common = { alias, encodeError: openAiError };
      return [
        { ...common, method: 'POST', path: `${base}/chat/completions`, handle: create },
        { ...common, method: 'GET', path: `${base}/models`, handle: listModels },
        { ...common, method: 'GET', path: `${base}/models/:model`, handle: getModel },
      ];
    }),
  };
}

function listModels(call: Call): Response {
  return json(call, { object: 'list', data: [modelNamed(MODEL)] });
}

function getModel(call: Call): Response {
  return json(call, modelNamed(call.params['model'] ?? MODEL));
}

function modelNamed(id: string): object {
  return { id, object: 'model', created: 0, owned_by: 'jims' };
}
