import type { EventPosition, FileRecord, JimsApp, Principal, ThreadOverview } from 'jims-core';
import { cleanJson } from 'jims-core/host';
import * as v from 'valibot';

import { contactInPath } from '../../http/contact.ts';
import { json, streamedJson } from '../../http/json-answer.ts';
import { inPath } from '../../http/parameters.ts';
import { answerInTurn } from '../../http/reading-turns.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, Parameter, Route } from '../../http/route.ts';
import { allItems } from './all-items.ts';
import { FileResource, fileResource } from './file-resource.ts';
import { ThreadExportResource, threadExport } from './thread-export.ts';
import type { ThreadSource } from './thread-export.ts';

const PAGE_SIZE = 200;

const CONTACT_ID: Parameter = inPath('contact_id', 'The contact', v.string());

export const contactRoutes: readonly Route[] = [
  route.delete('/api/v1/contacts/:contact_id', deleteContact, {
    operationId: 'delete_contact',
    summary: 'Erase all threads of a contact, and all their files',
    description:
      'Erasing may be repeated: when nothing is kept of the contact, or never was, the answer is the same with 0 threads.',
    tags: ['contacts'],
    parameters: [CONTACT_ID],
    responses: {
      200: {
        description: 'How many threads were erased by this request',
        schema: v.object({ contact_id: v.string(), deleted_threads: v.number() }),
      },
    },
    errors: [401, 404, 422, 503],
  }),
  route.get('/api/v1/contacts/:contact_id/export', exportContact, {
    operationId: 'export_contact',
    summary: 'Everything that is stored about a contact',
    tags: ['contacts'],
    parameters: [CONTACT_ID],
    responses: {
      200: {
        description:
          'Their threads with all that is kept of them, and what is known of their files',
        schema: v.object({
          contact_id: v.string(),
          threads: v.array(ThreadExportResource),
          files: v.array(FileResource),
        }),
      },
    },
    errors: [401, 404, 422, 503],
  }),
];

/** Erases a person. */
async function deleteContact({ app }: ApiContext, call: Call): Promise<Response> {
  const contactId = contactInPath(call);
  const threads = await app.threads.delete({ contactId });
  return json(call, { contact_id: contactId, deleted_threads: threads.length });
}

/** All that is kept of a person, piece by piece. */
async function exportContact(api: ApiContext, call: Call): Promise<Response> {
  const contactId = contactInPath(call);
  const headers = {
    ...call.headers,
    'content-disposition': 'attachment; filename="contact.json"',
  };
  const text = exportText(api.app, contactId, call.principal);
  return answerInTurn(api, call, async (end) => streamedJson({ ...call, headers }, text, end));
}

async function* exportText(
  app: JimsApp,
  contactId: string,
  principal: Principal,
): AsyncGenerator<string> {
  const source = sourceOf(app);
  yield `{"contact_id":${cleanJson(contactId)},"threads":[`;
  let separator = '';
  for await (const thread of allThreads(app, contactId)) {
    yield separator;
    separator = ',';
    yield* threadExport(source, thread, principal);
  }
  yield '],"files":[';
  separator = '';
  for await (const file of allFiles(app, contactId)) {
    yield separator + cleanJson(fileResource(file));
    separator = ',';
  }
  yield ']}';
}

function sourceOf({ threads, runs, questions }: JimsApp): ThreadSource {
  return {
    events: (threadId, domains) => threads.readEvents(threadId, { ...(domains && { domains }) }),
    runs: (threadId, page) => runs.list(threadId, page),
    feedback: (query) => threads.listFeedback(query),
    questions: (query) => questions.list(query),
    results: (chainId) => runs.results(chainId),
  };
}

function allFiles(app: JimsApp, contactId: string): AsyncGenerator<FileRecord> {
  return allItems<FileRecord, EventPosition>(async (after) => {
    const query = { contactId, limit: PAGE_SIZE, ...(after && { after }) };
    const { files: items, more } = await app.files.list(query);
    const last = more ? items.at(-1) : undefined;
    return { items, next: last && { createdAt: last.createdAt, id: last.fileId } };
  });
}

/** In the order in which they were made: a thread that moves meanwhile is not missed. */
function allThreads(app: JimsApp, contactId: string): AsyncGenerator<ThreadOverview> {
  return allItems<ThreadOverview, ThreadOverview>(async (before) => {
    const query = {
      contactId,
      limit: PAGE_SIZE,
      order: 'created',
      ...(before && { before }),
    } as const;
    const { threads: items, more } = await app.threads.list(query);
    return { items, next: more ? items.at(-1) : undefined };
  });
}
