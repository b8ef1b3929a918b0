import { cleanJson } from 'jims-core';
import type { JimsApp, Thread, ThreadEvent } from 'jims-core';

import { contactOf } from '../../http/contact.ts';
import { json } from '../../http/route.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { eventResource, threadResource } from './resources.ts';

const PAGE = 500;

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
  const body = ReadableStream.from(exportText(app, contactId, domains));
  const headers = {
    ...call.headers,
    'content-type': 'application/json',
    'content-disposition': 'attachment; filename="contact.json"',
  };
  return new Response(body.pipeThrough(new TextEncoderStream()), { headers });
}

async function* exportText(
  app: JimsApp,
  contactId: string,
  domains: readonly string[] | undefined,
): AsyncGenerator<string> {
  yield `{"contact_id":${cleanJson(contactId)},"threads":[`;
  let separator = '';
  for await (const thread of allThreads(app, contactId)) {
    yield `${separator}{"thread":${cleanJson(threadResource(thread))},"events":[`;
    separator = ',';
    yield* eventTexts(app, thread.id, domains);
    yield ']}';
  }
  yield ']}';
}

async function* allThreads(app: JimsApp, contactId: string): AsyncGenerator<Thread> {
  for (let last: Thread | undefined; ;) {
    const page = await app.listThreads({
      contactId,
      limit: PAGE,
      ...(last && { before: last }),
    });
    yield* page;
    last = page.at(-1);
    if (page.length < PAGE) return;
  }
}

async function* eventTexts(
  app: JimsApp,
  threadId: string,
  domains: readonly string[] | undefined,
): AsyncGenerator<string> {
  let separator = '';
  for (let after: ThreadEvent | undefined; ;) {
    const page = await app.threadEvents(threadId, {
      limit: PAGE,
      ...(after && { after }),
      ...(domains && { domains }),
    });
    for (const event of page) {
      yield separator + cleanJson(eventResource(event));
      separator = ',';
    }
    after = page.at(-1);
    if (page.length < PAGE) return;
  }
}

function contactIn(call: Call): string {
  const contactId = call.params['contact_id'] ?? '';
  return contactOf(call, contactId) ?? contactId;
}
