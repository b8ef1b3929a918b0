import type { Run } from 'jims-core';
import * as v from 'valibot';

import { resultOfRun, runHeaders } from '../../../chat/answer-run.ts';
import { threadOfMessage } from '../../../chat/client-history.ts';
import { fileAddress } from '../../../chat/file-address.ts';
import { chatNamed } from '../../../chat/front-end-names.ts';
import { threadHeader } from '../../../chat/named-thread.ts';
import { isReachedAgain, startRun } from '../../../chat/start-run.ts';
import type { ClientRunRequest } from '../../../chat/start-run.ts';
import { streamRun } from '../../../chat/stream-run.ts';
import { errorOptions } from '../../../http/error-response.ts';
import { json } from '../../../http/json-answer.ts';
import { inHeader } from '../../../http/parameters.ts';
import { lookUpInTurn } from '../../../http/reading-turns.ts';
import { route } from '../../../http/route.ts';
import type { ApiContext, Call, Parameter, Route, RunFrames } from '../../../http/route.ts';
import { described, titled } from '../../../http/schema.ts';
import { NOBODY, callerOf } from '../shared/caller.ts';
import { throwAway } from '../shared/throw-away.ts';
import { ChatCompletionBody, decode } from './decode.ts';
import type { ChatCompletion } from './decode.ts';
import { encodeResult, encodeStream } from './encode.ts';

const PROTOCOL = 'openai-chat';

const string = v.string();

const Completion = titled('ChatCompletion', {
  id: string,
  object: v.literal('chat.completion'),
  created: described(v.number(), 'Seconds since 1970'),
  model: string,
  choices: v.array(
    v.object({
      index: v.number(),
      message: v.object({
        role: v.literal('assistant'),
        content: string,
        refusal: v.null(),
        reasoning_content: described(
          v.optional(string),
          'What a model thought: always in a stream, else where the app keeps it',
        ),
        annotations: described(
          v.optional(v.array(v.looseObject({ type: v.literal('url_citation') }))),
          'Sources and files; those of a file have `file` besides',
        ),
      }),
      logprobs: v.null(),
      finish_reason: v.literal('stop'),
    }),
  ),
  usage: v.object({
    prompt_tokens: v.number(),
    completion_tokens: v.number(),
    total_tokens: v.number(),
    prompt_tokens_details: v.object({ cached_tokens: v.number() }),
  }),
});

const HEADERS: readonly Parameter[] = [
  inHeader('x-jims-thread-id', 'Continues this thread'),
  inHeader('x-jims-contact-id', 'The contact'),
  inHeader(
    'x-openwebui-chat-id',
    'The client’s id of a chat, or x-conversation-id: its messages are compared with those of the thread',
  ),
  inHeader(
    'x-jims-task',
    'When it is not empty, the question is beside the chat, in a thread that is erased',
  ),
  inHeader('x-jims-statuses', '`off`: no statuses'),
];

/** OpenAI's Chat Completions. */
export const completionRoute: Route = route.post('/v1/chat/completions', complete, {
  operationId: 'openai_chat_completion',
  summary: 'For OpenAI’s clients: a chat completion',
  description:
    'Also below `/openai/v1`. With `stream: true` the answer is a stream of chunks. Errors are `{"error": {"message", "type", "param", "code"}}`.',
  tags: ['openai'],
  parameters: HEADERS,
  request: ChatCompletionBody,
  responses: { 200: { description: 'The answer', schema: Completion } },
  errors: [400, 401, 404, 409, 413, 429, 500, 503, 504],
});

async function complete(api: ApiContext, call: Call): Promise<Response> {
  const completion = decode(api, await call.body());
  const isAside = isSideTask(call, completion);
  const request = await requestOf(api, call, { completion, isAside });
  const { model, includeUsage } = completion;
  const addressOf = fileAddress(api, call);
  if (completion.stream) {
    const options = {
      model,
      includeUsage,
      statuses: wantsStatuses(call),
      addressOf,
      ...errorOptions(api, call),
      request: call.request,
    };
    return streamRun(api, call, request, (run) => {
      if (isAside) throwAway(api, call, run);
      return encodeStream(run, options);
    });
  }
  const { run } = await startRun(api, call, request);
  if (isAside) throwAway(api, call, run);
  const result = await resultOfRun(api, call, run);
  const headers = { ...call.headers, ...runHeaders(run) };
  return json({ headers }, encodeResult(run, result, { model, addressOf }));
}

/** A run as a client gets it that wants everything. */
export function wire(api: ApiContext, call: Call, run: Run): RunFrames {
  return encodeStream(run, {
    model: 'jims',
    includeUsage: true,
    statuses: true,
    addressOf: fileAddress(api, call),
    ...errorOptions(api, call),
    request: call.request,
  });
}

async function requestOf(
  api: ApiContext,
  call: Call,
  { completion, isAside }: { readonly completion: ChatCompletion; readonly isAside: boolean },
): Promise<ClientRunRequest> {
  const target = await lookUpInTurn(api, call, () =>
    threadOfMessage(api, call, completion, {
      contactId: callerOf(call, completion.caller),
      nobody: NOBODY,
      threadId: isAside ? undefined : (threadHeader(call) ?? completion.threadId),
      chatId: isAside ? undefined : chatNamed(call, PROTOCOL),
      interface: 'openai',
    }),
  );
  return {
    ...target,
    incoming: completion.incoming,
    sentFiles: completion.sentFiles,
    canAnswer: isReachedAgain(target.thread),
    // These clients stop a run by closing the connection.
    onDisconnect: 'cancel_unless_keyed',
  };
}

/** How the prompts of Open WebUI and LibreChat themselves begin: for titles, tags, follow-ups, searches. */
const BEGINNINGS = ['### Task:', 'Provide a concise, 5-word-or-less title for the conversation'];

/**
 * Whether a front end asks something for itself under the id of a chat: that must not get into the
 * chat's thread. Without such an id the same words are those of a user, whose message is kept.
 */
function isSideTask(call: Call, { threadId, earlier, incoming }: ChatCompletion): boolean {
  if (call.request.headers.get('x-jims-task')?.trim()) return true;
  if ((threadHeader(call) ?? threadId) !== undefined || !chatNamed(call, PROTOCOL)) return false;
  const text = String(incoming.data['content']).trimStart();
  return earlier.length === 0 && BEGINNINGS.some((beginning) => text.startsWith(beginning));
}

/** Statuses disturb a client that takes every chunk for text. */
function wantsStatuses({ request }: Call): boolean {
  return request.headers.get('x-jims-statuses')?.toLowerCase() !== 'off';
}
