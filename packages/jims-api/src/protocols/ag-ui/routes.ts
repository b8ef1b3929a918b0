import type { JimsApp, NewEvent, QuestionRecord } from 'jims-core';
import * as v from 'valibot';

import { threadOfMessage, threadOfChat } from '../../chat/client-history.ts';
import { pageFileAddress } from '../../chat/file-address.ts';
import { threadHeader } from '../../chat/named-thread.ts';
import { questionNow } from '../../chat/questions.ts';
import { requireAllowed } from '../../chat/run-fields.ts';
import { openStream, streamRun } from '../../chat/stream-run.ts';
import { viewOptions } from '../../chat/visibility.ts';
import { contactInQuery, contactOf, nobody } from '../../http/contact.ts';
import { notFound } from '../../http/errors.ts';
import { json } from '../../http/json-answer.ts';
import { answerInTurn, lookUpInTurn } from '../../http/reading-turns.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, Protocol } from '../../http/route.ts';
import { capabilitiesOf } from './capabilities.ts';
import { AgUiBody, decode } from './decode.ts';
import type { AgUiInput, AgUiMessage } from './decode.ts';
import { encodeStream } from './encode.ts';
import type { Said } from './encode.ts';
import { isApproval } from './interrupts.ts';
import { encodeSnapshot } from './snapshot.ts';

const PROTOCOL = 'ag-ui';
/** The contact when none is named. */
const NOBODY = nobody(PROTOCOL);

const NOTHING = { events: [] };

const Capabilities = v.pipe(v.looseObject({}), v.title('AgentCapabilities'));

/** AG-UI 1.0 (`HttpAgent` of @ag-ui/client). */
export const agUiProtocol: Protocol = {
  routes: [
    route.post('/ag-ui', run, {
      operationId: 'ag_ui_run',
      summary: 'For AG-UI: the URL of an HttpAgent',
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
      errors: [400, 401, 404, 409, 413, 415, 422, 429, 503],
    }),
    route.get(
      '/ag-ui/capabilities',
      async (api, call) => json(call, await capabilitiesOf(api)),
      {
        operationId: 'ag_ui_capabilities',
        summary: 'For AG-UI: what the service can do',
        description: 'What depends on the pipeline of the app is left out.',
        tags: ['ag-ui'],
        responses: { 200: { description: 'AgentCapabilities of AG-UI 1.0', schema: Capabilities } },
        errors: [401, 503],
      },
      { contactless: true },
    ),
  ],
  async wire(api, call, ended) {
    const question = await questionNow(api.app, ended);
    const view = { ...viewOptions(api, call), fileAddress: pageFileAddress(api) };
    const ids = { threadId: ended.thread.id, runId: ended.id };
    return encodeStream(ended, ids, { ...view, interrupts: true, question });
  },
};

async function run(api: ApiContext, call: Call): Promise<Response> {
  const input = decode(api, await call.body());
  const contactId = contactOf(call, contactInQuery(call) ?? input.contactId);
  const { message, withdrawn, interrupts } = input;
  if (!message) {
    const named = { input, contactId: contactId ?? NOBODY };
    if (withdrawn !== undefined) await withdraw(api, named, withdrawn);
    return snapshot(api, call, named);
  }
  const { target, incoming, said } = await lookUpInTurn(api, call, async () => {
    const named = { ...message, ...(await answerIn(api, message)) };
    return {
      ...named,
      target: await threadOfMessage(api, call, named, {
        contactId,
        nobody: NOBODY,
        threadId: threadHeader(call) ?? message.threadId,
        chatId: { protocol: PROTOCOL, id: input.threadId },
        interface: PROTOCOL,
      }),
    };
  });
  const { options, sentFiles, answer } = message;
  const request = { ...options, incoming, sentFiles, ...target, ...(answer && { answer }) };
  return streamRun(api, call, request, async (begun) => {
    const question = begun.replayed ? await questionNow(api.app, begun) : undefined;
    const view = { ...viewOptions(api, call), fileAddress: pageFileAddress(api) };
    return encodeStream(begun, input, { ...view, interrupts, question, said });
  });
}

/** The message as an answer to the question that it resumes. */
async function answerIn(
  { app, allowedEventTypes }: ApiContext,
  { incoming, click, questionId, answer }: AgUiMessage,
): Promise<{ readonly incoming: NewEvent; readonly said?: Said }> {
  const question = questionId === undefined ? undefined : await app.questions.find(questionId);
  if (questionId === undefined || !question || !isApproval(question)) return { incoming };
  if (click) requireAllowed(click.type, allowedEventTypes);
  const answered = click ?? incoming;
  const content = answer?.kind === 'decline' ? 'cancelled' : String(answered.data['content']);
  return { incoming: answered, said: { questionId, content } };
}

/** Withdraws a question of the thread; one that is closed already stays as it is. */
async function withdraw(
  { app }: ApiContext,
  { input, contactId }: { readonly input: AgUiInput; readonly contactId: string },
  questionId: string,
): Promise<void> {
  const thread = await threadOfChat(app, contactId, { protocol: PROTOCOL, id: input.threadId });
  const question = await app.questions.find(questionId);
  if (!thread || question?.threadId !== thread.id || question.audience !== 'contact') {
    throw notFound(`Interrupt '${questionId}' not found`);
  }
  if (question.state === 'open') await app.runs.cancel(question.runId);
}

async function snapshot(
  api: ApiContext,
  call: Call,
  { input, contactId }: { readonly input: AgUiInput; readonly contactId: string },
): Promise<Response> {
  const { app } = api;
  const thread = await threadOfChat(app, contactId, { protocol: PROTOCOL, id: input.threadId });
  return answerInTurn(api, call, (end) =>
    openStream(api, call, async () => {
      const { events } = thread ? await app.threads.recentEvents(thread) : NOTHING;
      const question = thread && input.interrupts ? await openQuestion(app, thread.id) : undefined;
      const options = { fileAddress: pageFileAddress(api), question };
      return { frames: encodeSnapshot(events, input, options), onClose: end };
    }),
  );
}

async function openQuestion(app: JimsApp, threadId: string): Promise<QuestionRecord | undefined> {
  const query = { threadId, audience: 'contact', state: 'open', limit: 1 } as const;
  return (await app.questions.list(query)).questions[0];
}
