import type { Run, Thread, ThreadController } from 'jims-core';
import { MAX_TITLE } from 'jims-core/host';
import * as v from 'valibot';

import { runHeaders } from '../../chat/answer-run.ts';
import { configBy } from '../../chat/client-config.ts';
import { externalIdOf, isReserved } from '../../chat/external-ids.ts';
import { requireConfigSize } from '../../chat/sent-limits.ts';
import { viewOf } from '../../chat/visibility.ts';
import { bodyWithContact, contactId, contactOf, mayReach } from '../../http/contact.ts';
import { HttpError, notFound } from '../../http/errors.ts';
import { sentObject, uuid } from '../../http/fastapi/fields.ts';
import { fieldError, parseBody } from '../../http/fastapi/validation.ts';
import { json } from '../../http/json-answer.ts';
import { inPath } from '../../http/parameters.ts';
import { addressOf } from '../../http/public-address.ts';
import { uuidInPath } from '../../http/query.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, ErrorStatus, Parameter, Route } from '../../http/route.ts';
import { described, titled } from '../../http/schema.ts';
import { askedQuestion } from './asked-question.ts';
import { greetIn, greetInEmpty } from './greeting.ts';
import { ThreadResource, threadResource } from './resources.ts';

const MAX_EXTERNAL_ID = 512;

const NewThreadBody = titled('NewThread', {
  contact_id: contactId,
  thread_id: described(v.nullish(uuid), 'Gets the thread with this id, or makes it'),
  external_id: described(
    v.nullish(v.pipe(v.string(), v.nonEmpty(), v.maxLength(MAX_EXTERNAL_ID))),
    'Gets the contact’s thread with this external id, or makes it',
  ),
  thread_config: v.optional(sentObject, () => ({ interface: 'api' })),
  greet: described(
    v.optional(v.boolean(), false),
    'Lets the app speak first: its conversation start runs, unless something was said in the thread already',
  ),
});

const ThreadPatchBody = titled('ThreadPatch', {
  thread_config: described(
    v.optional(sentObject),
    'Merged into the config member by member; null removes a member. For services alone',
  ),
  title: described(
    v.optional(v.nullable(v.string())),
    `A new title, cut to ${MAX_TITLE} characters; null brings back the one that the thread has by itself`,
  ),
});

/** The thread that a path names. */
export const THREAD_ID: Parameter = inPath('thread_id', 'The thread');

const tags = ['threads'];
const errors: readonly ErrorStatus[] = [401, 404, 422, 503];
const bodyErrors: readonly ErrorStatus[] = [400, 413, ...errors];

export const threadRoutes: readonly Route[] = [
  route.post('/api/v1/threads', createThread, {
    operationId: 'create_thread',
    summary: 'Get a thread by its id or its external id, or make it',
    description:
      'With `greet` an answer that begins a run names it as `run_id`, and in the header `X-JIMS-Run-Id`: join it ' +
      'like the run of a message. An `Idempotency-Key` then makes a repeated request the same run and the same thread.',
    tags,
    request: NewThreadBody,
    responses: {
      200: { description: 'It existed already', schema: ThreadResource },
      201: { description: 'It is new', schema: ThreadResource },
    },
    errors: [...bodyErrors, 409],
  }),
  route.get('/api/v1/threads/:thread_id', getThread, {
    operationId: 'get_thread',
    summary: 'One thread',
    tags,
    parameters: [THREAD_ID],
    responses: { 200: { description: 'The thread', schema: ThreadResource } },
    errors,
  }),
  route.patch('/api/v1/threads/:thread_id', updateThread, {
    operationId: 'update_thread',
    summary: 'Change the title or the config of a thread',
    tags,
    parameters: [THREAD_ID],
    request: ThreadPatchBody,
    responses: { 200: { description: 'The changed thread', schema: ThreadResource } },
    errors: bodyErrors,
  }),
  route.delete('/api/v1/threads/:thread_id', deleteThread, {
    operationId: 'delete_thread',
    summary: 'Erase a thread with all its events',
    tags,
    parameters: [THREAD_ID],
    responses: { 204: { description: 'It is erased' } },
    errors,
  }),
];

/** Gets a thread, or makes it. */
async function createThread(api: ApiContext, call: Call): Promise<Response> {
  const { principal } = call;
  const sent = parseBody(NewThreadBody, await bodyWithContact(call));
  const { contact_id, thread_id, external_id, thread_config, greet } = sent;
  contactOf(call, contact_id);
  requireConfigSize(api, thread_config);
  if (typeof external_id === 'string' && isReserved(external_id)) {
    const reason = 'external ids that begin with jims: are made by the service';
    throw fieldError('external_id', external_id, reason);
  }
  // A contact that could choose the id of a new thread would learn which ids exist, and could take one
  // that a service derives from something known.
  if (principal.kind === 'contact' && typeof thread_id === 'string') {
    const { thread } = await ownThread(api, call, thread_id);
    const greeting = greet ? await greetInEmpty(api, call, thread) : undefined;
    return threadAnswer(api, call, { thread, created: false, greeting });
  }
  const { thread, created, greeting } = await openedThread(api, call, sent);
  const headers = { ...call.headers, location: addressOf(api, `/api/v1/threads/${thread.id}`) };
  return threadAnswer(api, { ...call, headers }, { thread, created, greeting });
}

interface OpenedThread {
  readonly thread: Thread;
  readonly created: boolean;
  readonly greeting: Run | undefined;
}

async function openedThread(
  api: ApiContext,
  call: Call,
  sent: v.InferOutput<typeof NewThreadBody>,
): Promise<OpenedThread> {
  const { contact_id, thread_id, external_id, greet } = sent;
  const { principal } = call;
  const threadConfig = configBy(principal, sent.thread_config, 'api');
  const isNamed = typeof thread_id === 'string' || typeof external_id === 'string';
  if (greet && !isNamed) {
    const target = { kind: 'new', contactId: contact_id, threadConfig, events: [] } as const;
    const greeting = await greetIn(api, call, target);
    return { thread: greeting.thread, created: !greeting.replayed, greeting };
  }
  const { thread, created } = await api.app.threads.ensure({
    contactId: contact_id,
    threadConfig,
    ...(typeof thread_id === 'string' && { threadId: thread_id }),
    ...(typeof external_id === 'string' && { externalId: externalIdOf(principal, external_id) }),
  });
  if (thread.contactId !== contact_id) {
    throw new HttpError(409, 'The thread of this id belongs to another contact', {
      code: 'thread_of_other_contact',
    });
  }
  const greeting = greet ? await greetInEmpty(api, call, thread) : undefined;
  return { thread, created, greeting };
}

async function threadAnswer(
  api: ApiContext,
  call: Call,
  { thread, created, greeting }: OpenedThread,
): Promise<Response> {
  const headers = { ...call.headers, ...(greeting && runHeaders(greeting)) };
  const resource = await resourceOf(api, call, thread.id);
  const answer = { ...resource, ...(greeting && { run_id: greeting.id }) };
  return json({ headers }, answer, created ? 201 : 200);
}

async function getThread(api: ApiContext, call: Call): Promise<Response> {
  const { id } = await reachableThread(api, call);
  const open = { threadId: id, audience: 'contact', state: 'open', limit: 1 } as const;
  const [question] = (await api.app.questions.list(open)).questions;
  const shown = question && askedQuestion(question, viewOf(call.principal));
  const thread = await resourceOf(api, call, id);
  return json(call, { ...thread, ...(shown && { question: shown }) });
}

/** The config is the app's and its operator's, not the contact's; the title is everybody's. */
async function updateThread(api: ApiContext, call: Call): Promise<Response> {
  const { id, config } = await reachableThread(api, call);
  const body = await call.body();
  const { thread_config: patch, title } = parseBody(ThreadPatchBody, body);
  if (patch && call.principal.kind === 'contact') throw notFound();
  if (!patch && title === undefined) {
    throw fieldError('title', body, 'give a title, a thread_config, or both');
  }
  if (patch) {
    const merged = Object.entries({ ...config, ...patch }).filter(([, value]) => value !== null);
    requireConfigSize(api, Object.fromEntries(merged));
    await api.app.threads.mergeConfig(id, patch);
  }
  if (title !== undefined) await api.app.threads.setTitle(id, title);
  return json(call, await resourceOf(api, call, id));
}

async function deleteThread(api: ApiContext, call: Call): Promise<Response> {
  const { id } = await reachableThread(api, call);
  await api.app.threads.delete({ threadId: id });
  return new Response(null, { status: 204, headers: call.headers });
}

/**
 * The thread that the path names.
 *
 * @throws HttpError 404 when it does not exist, or is not the caller's.
 */
export async function reachableThread(api: ApiContext, call: Call): Promise<Thread> {
  return (await reachableController(api, call)).thread;
}

/** The same, to write to. */
export function reachableController(api: ApiContext, call: Call): Promise<ThreadController> {
  return ownThread(api, call, uuidInPath(call, 'thread_id'));
}

async function ownThread(api: ApiContext, call: Call, threadId: string): Promise<ThreadController> {
  const found = await api.app.threads.find(threadId);
  if (found && mayReach(api, call, found.thread)) return found;
  throw threadNotFound(threadId);
}

/** A thread as it is shown. @throws HttpError 404 when it was erased meanwhile. */
async function resourceOf(
  api: ApiContext,
  call: Call,
  threadId: string,
): Promise<ReturnType<typeof threadResource>> {
  const thread = await api.app.threads.overview(threadId);
  if (!thread) throw threadNotFound(threadId);
  return threadResource(thread, call);
}

function threadNotFound(threadId: string): HttpError {
  return notFound(`Thread '${threadId}' not found`);
}
