// The params of ListTasks, and where a page of it begins.
import type { EventPosition } from 'jims-core';
import * as v from 'valibot';

import { contactId } from '../../http/contact.ts';
import { fromCursor, toCursor } from '../../http/cursor.ts';
import { parseBody } from '../../http/fastapi/validation.ts';
import { inQuery } from '../../http/parameters.ts';
import type { Parameter } from '../../http/route.ts';
import { rpcFailure } from '../json-rpc.ts';
import { fromProtoJson } from './proto-json.ts';
import type { TaskState } from './wire.ts';

const MAX_PAGE = 100;
const DEFAULT_PAGE = 50;
/** A token of ours is shorter. */
const MAX_TOKEN = 300;
/** Years of four digits, so that each time is before the next one as text, too. */
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i;

const STATES = [
  'TASK_STATE_SUBMITTED',
  'TASK_STATE_WORKING',
  'TASK_STATE_INPUT_REQUIRED',
  'TASK_STATE_COMPLETED',
  'TASK_STATE_FAILED',
  'TASK_STATE_CANCELED',
] as const satisfies readonly TaskState[];
/** Those that no task of this agent is in. */
const OTHER_STATES = ['TASK_STATE_REJECTED', 'TASK_STATE_AUTH_REQUIRED'] as const;
const UNSPECIFIED = 'TASK_STATE_UNSPECIFIED';

/** In ProtoJSON an empty string and a missing one are the same. */
const text = v.pipe(
  v.optional(v.string(), ''),
  v.transform((given) => given || undefined),
);

/** The params of ListTasks. */
const ListParams = v.object({
  contextId: text,
  status: v.pipe(
    v.optional(v.picklist(['', UNSPECIFIED, ...STATES, ...OTHER_STATES]), ''),
    v.transform((state) => (state === UNSPECIFIED ? undefined : state || undefined)),
  ),
  pageSize: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_PAGE)),
    DEFAULT_PAGE,
  ),
  pageToken: text,
  historyLength: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  statusTimestampAfter: v.pipe(
    v.optional(v.string(), ''),
    v.check(
      (given) => given === '' || timeOf(given) !== undefined,
      'Use a time such as 2026-11-24T08:00:00Z',
    ),
    v.transform(timeOf),
  ),
  includeArtifacts: v.optional(v.boolean(), false),
  metadata: v.optional(v.looseObject({ contact_id: v.optional(contactId) })),
});

/** A request for a list of tasks, decoded. */
export interface ListRequest {
  readonly contextId: string | undefined;
  readonly status: TaskState | (typeof OTHER_STATES)[number] | undefined;
  readonly pageSize: number;
  readonly from: ListPosition | undefined;
  readonly historyLength?: number | undefined;
  /** In milliseconds since 1970. */
  readonly changedFrom: number | undefined;
  readonly includeArtifacts: boolean;
  /** The contact that the client names. */
  readonly contactId: string | undefined;
}

/** Where in the list a page begins. */
export interface ListPosition {
  readonly window: WindowPosition;
  /** The last task that the page before it has of that window. */
  readonly after: EventPosition | undefined;
  /** How many tasks the first page has counted. */
  readonly totalSize: number;
}

/** Where a window begins: after which context, and before which message in its contexts. */
export interface WindowPosition {
  readonly contexts: EventPosition | undefined;
  readonly runs: EventPosition | undefined;
}

/** @throws HttpError 422, `invalid_params`. */
export function decodeList(params: unknown): ListRequest {
  const { pageToken, metadata, statusTimestampAfter, ...request } = parseBody(
    ListParams,
    fromProtoJson(params),
  );
  return {
    ...request,
    from: pageToken === undefined ? undefined : readToken(pageToken),
    changedFrom: statusTimestampAfter,
    contactId: metadata?.contact_id,
  };
}

/** The params as they are in a query. */
export const LIST_PARAMETERS: readonly Parameter[] = [
  inQuery('contextId', 'Only tasks of this context'),
  inQuery('status', 'Only tasks in this state, such as `TASK_STATE_WORKING`'),
  inQuery(
    'statusTimestampAfter',
    'Only tasks that came into their state then or later',
    v.string(),
  ),
  inQuery('pageSize', 'How many at most, from 1 to 100; default 50', v.number()),
  inQuery('pageToken', 'The `nextPageToken` of the page before'),
  inQuery('historyLength', 'How many messages of each history at most', v.number()),
  inQuery('includeArtifacts', '`true`: with their artifacts', v.picklist(['true', 'false'])),
];

/** Reads the params of a query. */
export function listParamsIn(query: URLSearchParams): object {
  const params: Record<string, unknown> = Object.fromEntries(query);
  for (const name of ['pageSize', 'historyLength']) {
    const given = query.get(name);
    if (given !== null) params[name] = given === '' ? undefined : Number(given);
  }
  const artifacts = query.get('includeArtifacts');
  if (artifacts === 'true' || artifacts === 'false')
    params['includeArtifacts'] = artifacts === 'true';
  delete params['metadata'];
  return params;
}

export function toToken({ window, after, totalSize }: ListPosition): string {
  const positions = [window.contexts, window.runs, after];
  return [totalSize, ...positions.map((position) => (position ? toCursor(position) : ''))].join(
    '_',
  );
}

function readToken(token: string): ListPosition {
  const [total = '', ...parts] = token.length > MAX_TOKEN ? [] : token.split('_');
  const [contexts, runs, after] = parts.map((part) => (part === '' ? undefined : fromCursor(part)));
  const isOurs =
    /^\d{1,9}$/.test(total) &&
    parts.length === 3 &&
    parts.every((part) => part === '' || fromCursor(part) !== undefined);
  if (!isOurs) throw rpcFailure('invalid_params', 'The pageToken is not one of an earlier answer');
  return { window: { contexts, runs }, after, totalSize: Number(total) };
}

function timeOf(given: string): number | undefined {
  const time = TIMESTAMP.test(given) ? Date.parse(given) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
