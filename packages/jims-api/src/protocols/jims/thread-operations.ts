import * as v from 'valibot';

import { lastEventIdNames } from '../../http/last-event-id.ts';
import type { ErrorStatus, Operation, OperationParameter } from '../../http/operation.ts';
import { EventResource, ThreadResource } from './resources.ts';
import { NewThreadBody, ThreadPatchBody } from './threads.ts';

const tags = ['threads'];
const errors: readonly ErrorStatus[] = [401, 404, 422, 503];
const bodyErrors: readonly ErrorStatus[] = [400, 413, ...errors];

export const threadId: OperationParameter = {
  name: 'thread_id',
  in: 'path',
  required: true,
  description: 'The thread',
  schema: v.pipe(v.string(), v.uuid()),
};

const contactId: OperationParameter = {
  name: 'contact_id',
  in: 'path',
  required: true,
  description: 'The contact',
  schema: v.string(),
};

const page: readonly OperationParameter[] = [
  {
    name: 'limit',
    in: 'query',
    description: 'How many at most; 50 unless given',
    schema: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(200)),
  },
  {
    name: 'cursor',
    in: 'query',
    description: 'The `next_cursor` of the page before',
    schema: v.string(),
  },
];

const nextCursor = v.pipe(v.nullable(v.string()), v.description('null on the last page'));

/** How the OpenAPI document describes threads, their events and contacts. */
export const threadOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/api/v1/threads',
    operationId: 'list_threads',
    summary: 'Threads, newest first',
    tags,
    parameters: [
      {
        name: 'contact_id',
        in: 'query',
        description: 'Only those of this contact',
        schema: v.string(),
      },
      {
        name: 'external_id',
        in: 'query',
        description: 'Only those with this external id: it names one thread of each contact',
        schema: v.string(),
      },
      {
        name: 'superseded',
        in: 'query',
        description:
          'Whether threads are listed that another one took over from; true unless given, for a contact false',
        schema: v.picklist(['true', 'false']),
      },
      ...page,
    ],
    responses: {
      200: {
        description: 'A page of threads',
        schema: v.pipe(
          v.object({ threads: v.array(ThreadResource), next_cursor: nextCursor }),
          v.title('ThreadPage'),
        ),
      },
    },
    errors,
  },
  {
    method: 'POST',
    path: '/api/v1/threads',
    operationId: 'create_thread',
    summary: 'Get a thread by its id, or the contact’s by its external id, or make it',
    tags,
    request: NewThreadBody,
    responses: {
      200: { description: 'It was there', schema: ThreadResource },
      201: { description: 'It was made', schema: ThreadResource },
    },
    errors: [...bodyErrors, 409],
  },
  {
    method: 'GET',
    path: '/api/v1/threads/:thread_id',
    operationId: 'get_thread',
    summary: 'One thread',
    tags,
    parameters: [threadId],
    responses: { 200: { description: 'The thread', schema: ThreadResource } },
    errors,
  },
  {
    method: 'PATCH',
    path: '/api/v1/threads/:thread_id',
    operationId: 'update_thread',
    summary: 'Change the config of a thread',
    tags,
    parameters: [threadId],
    request: ThreadPatchBody,
    responses: { 200: { description: 'The thread as it is now', schema: ThreadResource } },
    errors: bodyErrors,
  },
  {
    method: 'DELETE',
    path: '/api/v1/threads/:thread_id',
    operationId: 'delete_thread',
    summary: 'Erase a thread with all that happened in it',
    tags,
    parameters: [threadId],
    responses: { 204: { description: 'It is gone' } },
    errors,
  },
  {
    method: 'GET',
    path: '/api/v1/threads/:thread_id/events',
    operationId: 'list_events',
    summary: 'What happened in a thread, oldest first; or live',
    description:
      'With `Accept: text/event-stream` the events that are there and then those that come, as frames `event` with ids for `Last-Event-ID`.',
    tags,
    parameters: [
      threadId,
      {
        name: 'domain',
        in: 'query',
        description:
          'Only events of these domains, such as `comm`; several with commas, ten at most',
        schema: v.string(),
      },
      ...page,
      ...lastEventIdNames('cursor'),
    ],
    responses: {
      200: {
        description: 'A page of events',
        schema: v.pipe(
          v.object({ events: v.array(EventResource), next_cursor: nextCursor }),
          v.title('EventPage'),
        ),
      },
    },
    errors: [400, 429, ...errors],
  },
  {
    method: 'DELETE',
    path: '/api/v1/contacts/:contact_id',
    operationId: 'delete_contact',
    summary: 'Erase a person: all threads of a contact',
    tags: ['contacts'],
    parameters: [contactId],
    responses: {
      200: {
        description: 'What was erased',
        schema: v.object({ contact_id: v.string(), deleted_threads: v.number() }),
      },
    },
    errors,
  },
  {
    method: 'GET',
    path: '/api/v1/contacts/:contact_id/export',
    operationId: 'export_contact',
    summary: 'All that is kept of a contact',
    tags: ['contacts'],
    parameters: [contactId],
    responses: {
      200: {
        description: 'His threads and their events',
        schema: v.object({
          contact_id: v.string(),
          threads: v.array(v.object({ thread: ThreadResource, events: v.array(EventResource) })),
        }),
      },
    },
    errors,
  },
];
