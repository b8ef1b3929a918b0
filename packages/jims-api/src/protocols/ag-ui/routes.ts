import { threadOfChat, threadOfHistory } from '../../http/history-thread.ts';
import type { ApiContext, Call, Protocol } from '../../http/route.ts';
import {
  contactHeader,
  contactOf,
  namedThread,
  streamFrames,
  streamRun,
} from '../../http/run-routes.ts';
import type { RunAsk } from '../../http/run-routes.ts';
import { tellOptions } from '../../http/said.ts';
import { decode } from './decode.ts';
import type { AgUiInput, AgUiMessage } from './decode.ts';
import { encodeSnapshot, encodeStream } from './encode.ts';
import { agUiOperations } from './operations.ts';

const PROTOCOL = 'ag-ui';
/** Whose threads they are when nobody is named. */
const NOBODY = 'ag-ui';

/** AG-UI 1.0 (`HttpAgent` of @ag-ui/client). */
export function agUiProtocol(api: ApiContext): Protocol {
  const { app } = api;

  async function run(call: Call): Promise<Response> {
    const input = decode(api, await call.body());
    const contact = contactOf(call, input.contactId ?? contactHeader(call));
    if (!input.message) return snapshot(call, input, contact ?? NOBODY);
    const ask = await askOf(call, input, input.message, contact);
    return streamRun(api, call, ask, (started) =>
      encodeStream(started, input, tellOptions(api, call)),
    );
  }

  async function askOf(
    call: Call,
    { threadId: id }: AgUiInput,
    { jimsThreadId, terms, incoming, ...message }: AgUiMessage,
    contact: string | undefined,
  ): Promise<RunAsk> {
    const threadId = jimsThreadId ?? call.request.headers.get('x-jims-thread-id');
    if (threadId !== null) {
      return {
        ...terms,
        incoming,
        thread: namedThread(api, call, { threadId, contactId: contact }),
      };
    }
    const thread = await threadOfHistory(app, {
      ...message,
      contactId: contact ?? NOBODY,
      chatId: { protocol: PROTOCOL, id },
      message: String(incoming.data['content']),
    });
    return { ...terms, incoming, thread };
  }

  async function snapshot(call: Call, input: AgUiInput, contact: string): Promise<Response> {
    const thread = await threadOfChat(app, contact, { protocol: PROTOCOL, id: input.threadId });
    const events = thread ? await app.allEvents(thread) : [];
    const leave = api.streams.enter();
    return streamFrames(api, call, encodeSnapshot(events, input), { leave });
  }

  return {
    name: 'ag-ui',
    operations: agUiOperations,
    routes: [{ method: 'POST', path: '/ag-ui', handle: run }],
  };
}
