import type { Run, Thread } from 'jims-core';

import { threadOfMessage } from '../../chat/chat-message.ts';
import { threadOfChat } from '../../chat/history-thread.ts';
import { streamJoined, streamRun, threadHeader } from '../../chat/run-routes.ts';
import type { RunAsk } from '../../chat/run-routes.ts';
import { tellOptions } from '../../chat/said.ts';
import { contactInQuery, contactOf, nobody } from '../../http/contact.ts';
import { errorText } from '../../http/error-response.ts';
import type { HttpError } from '../../http/errors.ts';
import { jsonPieces } from '../../http/fastapi/json-pieces.ts';
import { answerInTurn, placeInTurn } from '../../http/reading-turns.ts';
import type { ApiContext, Call, Protocol, RefusedCall, Route } from '../../http/route.ts';
import { streamedJson } from '../../http/streamed-json.ts';
import { decode } from './decode.ts';
import { encodeStream } from './encode.ts';
import { aiSdkOperations } from './operations.ts';
import { uiMessages } from './ui-messages.ts';

/** The second is where the AI SDK looks when nobody says where. */
const BASES = [
  { base: '/ai-sdk/chat', alias: false },
  { base: '/api/chat', alias: true },
];
const PROTOCOL = 'ai-sdk';
/** Whose chats they are when no contact is named. */
const NOBODY = nobody(PROTOCOL);
const STREAM_HEADERS = { 'x-vercel-ai-ui-message-stream': 'v1' };

/** The UI message stream of Vercel's AI SDK (`DefaultChatTransport`, `useChat`). */
export function aiSdkProtocol(api: ApiContext): Protocol {
  const { app } = api;

  async function send(call: Call): Promise<Response> {
    const ask = await askOf(call);
    const headers = { ...call.headers, ...STREAM_HEADERS };
    return streamRun(api, { ...call, headers }, ask, (run) =>
      encodeStream(run, tellOptions(api, call)),
    );
  }

  async function askOf(call: Call): Promise<RunAsk> {
    const message = decode(api, await call.body());
    const place = await placeInTurn(api, call, () =>
      threadOfMessage(api, call, message, {
        contactId: contactOf(call, contactInQuery(call) ?? message.contactId),
        nobody: NOBODY,
        threadId: threadHeader(call) ?? message.threadId,
        chatId: { protocol: PROTOCOL, id: message.chatId },
        interface: PROTOCOL,
      }),
    );
    return { ...message.terms, incoming: message.incoming, ...place };
  }

  async function resume(call: Call): Promise<Response> {
    const run = await activeRun(call);
    if (!run) return nothing(call);
    const headers = { ...call.headers, ...STREAM_HEADERS };
    return streamJoined(api, { ...call, headers }, run, () =>
      encodeStream(run, tellOptions(api, call)),
    );
  }

  async function stop(call: Call): Promise<Response> {
    const run = await activeRun(call);
    run?.cancel();
    return nothing(call);
  }

  async function restore(call: Call): Promise<Response> {
    const thread = await chatThread(call);
    return answerInTurn(api, call, async (end) => streamedJson(call, restoredText(thread), end));
  }

  async function* restoredText(thread: Thread | undefined): AsyncGenerator<string> {
    yield '{"messages":[';
    let separator = '';
    for await (const message of thread ? uiMessages(app.threads.allEvents(thread)) : []) {
      yield separator;
      separator = ',';
      yield* jsonPieces(message);
    }
    yield ']}';
  }

  async function activeRun(call: Call): Promise<Run | undefined> {
    const thread = await chatThread(call);
    return thread && app.runs.active(thread.id);
  }

  function chatThread(call: Call): Promise<Thread | undefined> {
    const contact = contactOf(call, contactInQuery(call)) ?? NOBODY;
    return threadOfChat(app, contact, { protocol: PROTOCOL, id: call.params['id'] ?? '' });
  }

  return {
    name: 'ai-sdk',
    operations: aiSdkOperations,
    routes: BASES.flatMap(({ base, alias }): Route[] => {
      const common = { alias, encodeError: refuse };
      return [
        { ...common, method: 'POST', path: base, handle: send },
        { ...common, method: 'GET', path: `${base}/:id`, handle: restore },
        { ...common, method: 'GET', path: `${base}/:id/stream`, handle: resume },
        { ...common, method: 'DELETE', path: `${base}/:id/stream`, handle: stop },
      ];
    }),
  };
}

/** What the client makes the message of its error is the whole body: a sentence. */
function refuse(error: HttpError, { headers }: RefusedCall): Response {
  return new Response(errorText(error), {
    status: error.status,
    headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' },
  });
}

function nothing({ headers }: Call): Response {
  return new Response(null, { status: 204, headers });
}
