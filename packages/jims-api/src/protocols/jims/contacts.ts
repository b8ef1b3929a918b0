import { setImmediate } from 'node:timers/promises';

import type { JimsApp, Thread } from 'jims-core';
import { cleanJson } from 'jims-core/host';

import { contactInPath } from '../../http/contact.ts';
import { jsonPieces } from '../../http/fastapi/json-pieces.ts';
import { answerInTurn } from '../../http/reading-turns.ts';
import { json } from '../../http/route.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { streamedJson } from '../../http/streamed-json.ts';
import { eventResource, threadResource } from './resources.ts';

const PAGE = 200;

/** `DELETE /api/v1/contacts/{contact_id}`: erases a person. */
export async function deleteContact({ app }: ApiContext, call: Call): Promise<Response> {
  const contactId = contactInPath(call);
  const threads = await app.threads.delete({ contactId });
  return json(call, { contact_id: contactId, deleted_threads: threads.length });
}

/** `GET /api/v1/contacts/{contact_id}/export`: all that is kept of a person, piece by piece. */
export async function exportContact(api: ApiContext, call: Call): Promise<Response> {
  const contactId = contactInPath(call);
  const domains = call.principal.kind === 'contact' ? ['comm'] : undefined;
  const headers = {
    ...call.headers,
    'content-disposition': 'attachment; filename="contact.json"',
  };
  const text = exportText(api.app, call, { contactId, domains });
  return answerInTurn(api, call, async (end) => streamedJson({ ...call, headers }, text, end));
}

async function* exportText(
  app: JimsApp,
  call: Call,
  {
    contactId,
    domains,
  }: { readonly contactId: string; readonly domains: readonly string[] | undefined },
): AsyncGenerator<string> {
  yield `{"contact_id":${cleanJson(contactId)},"threads":[`;
  let separator = '';
  for await (const thread of allThreads(app, contactId)) {
    yield `${separator}{"thread":`;
    separator = ',';
    yield* jsonPieces(threadResource(thread, call));
    yield ',"events":[';
    yield* eventTexts(app, thread.id, domains);
    yield ']}';
  }
  yield ']}';
}

async function* allThreads(app: JimsApp, contactId: string): AsyncGenerator<Thread> {
  for (let before: Thread | undefined; ;) {
    const page = await app.threads.list({ contactId, limit: PAGE, ...(before && { before }) });
    yield* page.threads;
    before = page.threads.at(-1);
    if (!page.more) return;
    await setImmediate();
  }
}

async function* eventTexts(
  app: JimsApp,
  threadId: string,
  domains: readonly string[] | undefined,
): AsyncGenerator<string> {
  let separator = '';
  for await (const events of app.threads.readEvents(threadId, { ...(domains && { domains }) })) {
    for (const event of events) {
      yield separator;
      separator = ',';
      yield* jsonPieces(eventResource(event));
    }
  }
}
