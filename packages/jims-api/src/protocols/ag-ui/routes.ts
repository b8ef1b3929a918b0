import { threadOfMessage } from '../../chat/chat-message.ts';
import { threadOfChat } from '../../chat/history-thread.ts';
import { countedContact, streamFrames, streamRun, threadHeader } from '../../chat/run-routes.ts';
import { tellOptions } from '../../chat/said.ts';
import { contactInQuery, contactOf, nobody } from '../../http/contact.ts';
import { answerInTurn, placeInTurn } from '../../http/reading-turns.ts';
import type { ApiContext, Call, Protocol } from '../../http/route.ts';
import { AgUiBody, decode } from './decode.ts';
import type { AgUiInput } from './decode.ts';
import { encodeSnapshot, encodeStream } from './encode.ts';

const PROTOCOL = 'ag-ui';
/** Whose threads they are when no contact is named. */
const NOBODY = nobody(PROTOCOL);

const NOTHING = { events: [] };

/** AG-UI 1.0 (`HttpAgent` of @ag-ui/client). */
export const agUiProtocol: Protocol = {
  routes: [
    {
      method: 'POST',
      path: '/ag-ui',
      doc: {
        operationId: 'ag_ui_run',
        summary: 'For AG-UI: the url of an HttpAgent',
        tags: ['ag-ui'],
        request: AgUiBody,
        responses: {
          200: {
            description: 'Events of AG-UI 1.0',
            contentType: 'text/event-stream',
            example:
              'data: {"type":"RUN_STARTED","threadId":"t","runId":"r"}\n\n' +
              'data: {"type":"TEXT_MESSAGE_START","messageId":"m","role":"assistant"}\n\n' +
              'data: {"type":"TEXT_MESSAGE_CONTENT","messageId":"m","delta":"Hello"}\n\n' +
              'data: {"type":"TEXT_MESSAGE_END","messageId":"m"}\n\n' +
              'data: {"type":"RUN_FINISHED","threadId":"t","runId":"r"}\n\n',
          },
        },
        errors: [400, 401, 404, 409, 413, 422, 429, 503],
      },
      handle: run,
    },
  ],
};

async function run(api: ApiContext, call: Call): Promise<Response> {
  const input = decode(api, await call.body());
  const contactId = contactOf(call, contactInQuery(call) ?? input.contactId);
  const { message } = input;
  if (!message) return snapshot(api, call, { input, contactId: contactId ?? NOBODY });
  const place = await placeInTurn(api, call, () =>
    threadOfMessage(api, call, message, {
      contactId,
      nobody: NOBODY,
      threadId: threadHeader(call) ?? message.threadId,
      chatId: { protocol: PROTOCOL, id: input.threadId },
      interface: PROTOCOL,
    }),
  );
  const ask = { ...message.terms, incoming: message.incoming, ...place };
  return streamRun(api, call, ask, (started) =>
    encodeStream(started, input, tellOptions(api, call)),
  );
}

async function snapshot(
  api: ApiContext,
  call: Call,
  { input, contactId }: { readonly input: AgUiInput; readonly contactId: string },
): Promise<Response> {
  const { app } = api;
  const thread = await threadOfChat(app, contactId, { protocol: PROTOCOL, id: input.threadId });
  return answerInTurn(api, call, async (end) => {
    const leave = api.streams.enter(countedContact(call));
    const onEnd = (): void => {
      leave();
      end();
    };
    try {
      const { events } = thread ? await app.threads.recentEvents(thread) : NOTHING;
      return streamFrames(api, call, encodeSnapshot(events, input), { leave: onEnd });
    } catch (error) {
      leave();
      throw error;
    }
  });
}
