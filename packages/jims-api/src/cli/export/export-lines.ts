// What is exported, as JSON lines. A line comes in pieces: a thread may be larger than the memory.
import type { FeedbackRecord, Store, ThreadEvent, ThreadOverview } from 'jims-core';
import { eventPieces } from 'jims-core/host';
import { readUsage } from 'jims-core/llm';

import { usageOnWire } from '../../chat/usage.ts';
import { jsonPieces } from '../../http/fastapi/json-pieces.ts';
import { allItems } from '../../protocols/jims/all-items.ts';
import { threadExport } from '../../protocols/jims/thread-export.ts';
import type { ThreadSource } from '../../protocols/jims/thread-export.ts';
import type { ExportOptions } from '../options/export-options.ts';

/** How many threads or ratings are read at a time. */
const PAGE_SIZE = 100;
const SERVICE = { kind: 'service', id: 'export' } as const;
/** Before all other ids. */
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

type Chosen = Pick<ExportOptions, 'contact' | 'thread' | 'since'>;

/** A line for each thread, with all that is kept of it. */
export async function* threadLines(store: Store, chosen: Chosen): AsyncGenerator<string> {
  const source = sourceOf(store);
  for await (const thread of threadsOf(store, chosen)) {
    yield* threadExport(source, thread, SERVICE);
    yield '\n';
  }
}

function sourceOf(store: Store): ThreadSource {
  return {
    async *events(threadId, domains) {
      const pieces = eventPieces(store, threadId, { ...(domains && { domains }) });
      for await (const { events } of pieces) yield events;
    },
    runs: (threadId, page) => store.listRuns(threadId, page),
    feedback: (query) => store.listFeedback(query),
    questions: (query) => store.listQuestions(query),
    results: async (chainId) => (await store.loadChain(chainId))?.entries ?? [],
  };
}

/** In the order in which they were made, newest first: a thread that gets an event meanwhile is not missed. */
async function* threadsOf(
  store: Store,
  { contact, thread: threadId, since = '' }: Chosen,
): AsyncGenerator<ThreadOverview> {
  if (threadId !== undefined) {
    const thread = await store.threadOverview(threadId);
    const isChosen = contact === undefined || thread?.contactId === contact;
    if (thread && isChosen && thread.lastEventAt >= since) yield thread;
    return;
  }
  yield* allItems<ThreadOverview, ThreadOverview>(async (before) => {
    const { threads, more } = await store.listThreads({
      limit: PAGE_SIZE,
      order: 'created',
      ...(contact !== undefined && { contactId: contact }),
      ...(before && { before }),
    });
    const items = threads.filter(({ lastEventAt }) => lastEventAt >= since);
    return { items, next: more ? threads.at(-1) : undefined };
  });
}

/** A line for each rated message, with the conversation up to it: oldest rating first. */
export async function* feedbackLines(
  store: Store,
  chosen: Chosen & Pick<ExportOptions, 'feedback'>,
): AsyncGenerator<string> {
  for await (const given of feedbackOf(store, chosen)) {
    const thread = await store.thread(given.threadId);
    // Erased meanwhile, or another contact's.
    if (!thread || (chosen.contact ?? thread.contactId) !== thread.contactId) continue;
    yield* feedbackLine(store, given, thread.contactId);
  }
}

function feedbackOf(
  store: Store,
  { feedback: value, thread: threadId, since }: Chosen & Pick<ExportOptions, 'feedback'>,
): AsyncGenerator<FeedbackRecord> {
  const from = since === undefined ? undefined : { at: since, messageId: FIRST_ID };
  return allItems<FeedbackRecord, Pick<FeedbackRecord, 'at' | 'messageId'>>(async (after) => {
    const { feedback: items, more } = await store.listFeedback({
      limit: PAGE_SIZE,
      ...(value !== undefined && value !== 'any' && { value }),
      ...(threadId !== undefined && { threadId }),
      ...(after && { after }),
    });
    return { items, next: more ? items.at(-1) : undefined };
  }, from);
}

async function* feedbackLine(
  store: Store,
  { threadId, messageId, value, comment, tags, at }: FeedbackRecord,
  contactId: string | undefined,
): AsyncGenerator<string> {
  const head = { thread_id: threadId, contact_id: contactId ?? null, message_id: messageId };
  const rating = { value, comment: comment ?? null, tags: tags ?? [], at };
  const start = [...jsonPieces({ ...head, ...rating })].join('');
  yield `${start.slice(0, -1)},"messages":[`;
  let separator = '';
  let message: ThreadEvent | undefined;
  for await (const event of eventsUpTo(store, threadId, messageId)) {
    const { role, content } = event.data;
    yield separator;
    separator = ',';
    yield* jsonPieces({ role, content });
    message = event;
  }
  const rest = [...jsonPieces(await workOf(store, threadId, message))].join('');
  yield `],${rest.slice(1)}\n`;
}

async function* eventsUpTo(
  store: Store,
  threadId: string,
  messageId: string,
): AsyncGenerator<ThreadEvent> {
  for await (const { events } of eventPieces(store, threadId, { domains: ['comm'] })) {
    for (const event of events) {
      yield event;
      if (event.id === messageId) return;
    }
  }
}

/** The run that made a message, and its models: null where that is not known any more. */
async function workOf(
  store: Store,
  threadId: string,
  message: ThreadEvent | undefined,
): Promise<object> {
  const runs = message && (await store.runsOfEvents(threadId, [message]));
  const runId = message && runs?.get(message.id);
  const run = runId === undefined ? undefined : await store.run(runId);
  return {
    run_id: runId ?? null,
    usage: run ? (readUsage(run.usage) ?? []).map(usageOnWire) : null,
  };
}
