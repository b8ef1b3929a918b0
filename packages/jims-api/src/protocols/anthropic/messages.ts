import * as v from 'valibot';

import { answerRun } from '../../chat/answer-run.ts';
import { threadOfMessage } from '../../chat/client-history.ts';
import { contentText } from '../../chat/content-text.ts';
import { fileAddress } from '../../chat/file-address.ts';
import { chatNamed, contactNamed } from '../../chat/front-end-names.ts';
import { threadHeader } from '../../chat/named-thread.ts';
import { isReachedAgain } from '../../chat/start-run.ts';
import type { ClientRunRequest } from '../../chat/start-run.ts';
import { streamRun } from '../../chat/stream-run.ts';
import { estimatedTokens } from '../../chat/token-estimate.ts';
import { nobody } from '../../http/contact.ts';
import { errorOptions } from '../../http/error-response.ts';
import { parseBody } from '../../http/fastapi/validation.ts';
import { json } from '../../http/json-answer.ts';
import { lookUpInTurn } from '../../http/reading-turns.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, Route } from '../../http/route.ts';
import { described, titled } from '../../http/schema.ts';
import { CountBody, MessagesBody, decode } from './decode.ts';
import type { SentMessage } from './decode.ts';
import { encodeResult, encodeStream } from './encode.ts';

const PROTOCOL = 'anthropic';
const NOBODY = nobody(PROTOCOL);

const MessageResource = titled('AnthropicMessage', {
  id: v.string(),
  type: v.literal('message'),
  role: v.literal('assistant'),
  model: v.string(),
  content: described(
    v.array(v.looseObject({ type: v.picklist(['text', 'thinking']) })),
    'A `text` block for each message, with sources and files as `citations`',
  ),
  stop_reason: v.literal('end_turn'),
  stop_sequence: v.null(),
  usage: v.object({
    input_tokens: v.number(),
    cache_creation_input_tokens: v.number(),
    cache_read_input_tokens: v.number(),
    output_tokens: v.number(),
  }),
});

const tags = ['anthropic'];

export const messageRoutes: readonly Route[] = [
  route.post('/v1/messages', answer, {
    operationId: 'anthropic_message',
    summary: 'For Anthropic’s clients: a message',
    description:
      'Also below `/anthropic/v1`. With `stream: true` the answer is a stream of events. Errors are `{"type": "error", "error": {"type", "message"}, "request_id"}`. The key may come as `x-api-key`.',
    tags,
    request: MessagesBody,
    responses: { 200: { description: 'The answer', schema: MessageResource } },
    errors: [400, 401, 404, 409, 413, 429, 500, 503, 504],
  }),
  route.post('/v1/messages/count_tokens', count, {
    operationId: 'anthropic_count_tokens',
    summary: 'For Anthropic’s clients: about how many tokens messages are',
    description: 'An estimate from their length: which model the app uses is its own matter.',
    tags,
    request: CountBody,
    responses: {
      200: { description: 'The estimate', schema: v.object({ input_tokens: v.number() }) },
    },
    errors: [400, 401, 413],
  }),
];

async function answer(api: ApiContext, sent: Call): Promise<Response> {
  const call = { ...sent, headers: { ...sent.headers, 'request-id': sent.requestId } };
  const message = decode(api, await call.body());
  const request = await requestOf(api, call, message);
  const { model } = message;
  const addressOf = fileAddress(api, call);
  if (!message.stream) {
    return answerRun(api, call, request, (run, result) =>
      encodeResult(run, result, { model, addressOf }),
    );
  }
  return streamRun(api, call, request, (run) =>
    encodeStream(run, { model, addressOf, ...errorOptions(api, call) }),
  );
}

async function requestOf(
  api: ApiContext,
  call: Call,
  message: SentMessage,
): Promise<ClientRunRequest> {
  const target = await lookUpInTurn(api, call, () =>
    threadOfMessage(api, call, message, {
      contactId: contactNamed(call, { id: message.userId, member: 'metadata.user_id' }),
      nobody: NOBODY,
      threadId: threadHeader(call) ?? message.threadId,
      chatId: chatNamed(call, PROTOCOL),
      interface: PROTOCOL,
    }),
  );
  return {
    ...target,
    incoming: message.incoming,
    sentFiles: message.sentFiles,
    canAnswer: isReachedAgain(target.thread),
    // These clients stop a run by closing the connection.
    onDisconnect: 'cancel_unless_keyed',
  };
}

async function count(_: ApiContext, call: Call): Promise<Response> {
  const { system, messages } = parseBody(CountBody, await call.body());
  const texts = [system, ...messages.map(({ content }) => content)].map(contentText);
  const headers = { ...call.headers, 'request-id': call.requestId };
  return json({ headers }, { input_tokens: estimatedTokens(texts) });
}
