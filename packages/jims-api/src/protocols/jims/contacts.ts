import { setImmediate } from 'node:timers/promises';

import type { JimsApp, Thread } from 'jims-core';

import { contactOf } from '../../http/contact.ts';
import { jsonPieces } from '../../http/json-pieces.ts';
import { json } from '../../http/route.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { streamedJson } from '../../http/streamed-json.ts';
import { eventResource, threadResource } from './resources.ts';

const PAGE = 200;

/** `DELETE /api/v1/contacts/{contact_id}`: erases a person. */
export async function deleteContact({ app }: ApiContext, call: Call): Promise<Response> {
  const contactId = contactIn(call);
  const threads = await app.deleteThreads({ contactId });
  return json(call, { contact_id: contactId, deleted_threads: threads.length });
}

/** `GET /api/v1/contacts/{contact_id}/export`: all that is kept of a person, piece by piece. */
export async function exportContact({ app }: ApiContext, call: Call): Promise<Response> {
  const contactId = contactIn(call);
  const domains = call.principal.kind === 'contact' ? ['comm'] : undefined;
  const headers = {
    ...call.headers,
    'content-disposition': 'attachment; filename="contact.json"',
  };
  return streamedJson({ headers }, exportText(app, contactId, domains));
}

async function* exportText(
  app: JimsApp,
  contactId: string,
  domains: readonly string[] | undefined,
): AsyncGenerator<string> {
  yield `{"contact_id":${JSON.stringify(contactId)},"threads":[`;
  let separator = '';
  for await (const thread of allThreads(app, contactId)) {
    yield `${separator}{"thread":`;
    separator = ',';
    yield* jsonPieces(threadResource(thread));
    yield ',"events":[';
    yield* eventTexts(app, thread.id, domains);
    yield ']}';
  }
  yield ']}';
}

async function* allThreads(app: JimsApp, contactId: string): AsyncGenerator<Thread> {
  for (let before: Thread | undefined; ;) {
    const page = await app.pageThreads({ contactId, limit: PAGE, ...(before && { before }) });
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
  for await (const events of app.readEvents(threadId, { ...(domains && { domains }) })) {
    for (const event of events) {
      yield separator;
      separator = ',';
      yield* jsonPieces(eventResource(event));
    }
  }
}

function contactIn(call: Call): string {
  const contactId = call.params['contact_id'] ?? '';
  return contactOf(call, contactId) ?? contactId;
}
