import { threadOfMessage } from '../../chat/chat-message.ts';
import { threadOfChat } from '../../chat/history-thread.ts';
import { countedContact, streamFrames, streamRun, threadHeader } from '../../chat/run-routes.ts';
import { tellOptions } from '../../chat/said.ts';
import { contactInQuery, contactOf, nobody } from '../../http/contact.ts';
import { answerInTurn, placeInTurn } from '../../http/reading-turns.ts';
import type { ApiContext, Call, Protocol } from '../../http/route.ts';
import { decode } from './decode.ts';
import type { AgUiInput } from './decode.ts';
import { encodeSnapshot, encodeStream } from './encode.ts';
import { agUiOperations } from './operations.ts';

const PROTOCOL = 'ag-ui';
/** Whose threads they are when no contact is named. */
const NOBODY = nobody(PROTOCOL);

const NOTHING = { events: [] };

/** AG-UI 1.0 (`HttpAgent` of @ag-ui/client). */
export function agUiProtocol(api: ApiContext): Protocol {
  const { app } = api;

  async function run(call: Call): Promise<Response> {
    const input = decode(api, await call.body());
    const contactId = contactOf(call, contactInQuery(call) ?? input.contactId);
    const { message } = input;
    if (!message) return snapshot(call, input, contactId ?? NOBODY);
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

  async function snapshot(call: Call, input: AgUiInput, contact: string): Promise<Response> {
    const thread = await threadOfChat(app, contact, { protocol: PROTOCOL, id: input.threadId });
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

  return {
    name: 'ag-ui',
    operations: agUiOperations,
    routes: [{ method: 'POST', path: '/ag-ui', handle: run }],
  };
}
