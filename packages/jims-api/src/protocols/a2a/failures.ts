import { HttpError } from '../../http/errors.ts';
import { isJsonType } from '../../http/json-body.ts';
import type { Call } from '../../http/route.ts';
import { RPC_CODES } from '../json-rpc.ts';

/** A2A's own errors: their code in JSON-RPC, their HTTP status, and its name in google.rpc. */
const FAILURES = {
  task_not_found: { rpc: -32_001, http: 404, status: 'NOT_FOUND' },
  task_not_cancelable: { rpc: -32_002, http: 400, status: 'FAILED_PRECONDITION' },
  push_notification_not_supported: { rpc: -32_003, http: 400, status: 'FAILED_PRECONDITION' },
  unsupported_operation: { rpc: -32_004, http: 400, status: 'FAILED_PRECONDITION' },
  content_type_not_supported: { rpc: -32_005, http: 400, status: 'INVALID_ARGUMENT' },
  version_not_supported: { rpc: -32_009, http: 400, status: 'FAILED_PRECONDITION' },
} as const;

type FailureCode = keyof typeof FAILURES;

/** The JSON-RPC codes of A2A's errors. */
export const A2A_CODES: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(FAILURES).map(([code, { rpc }]) => [code, rpc]),
);

/** The google.rpc name of an error's status. */
export function statusName({ code, status }: HttpError): string {
  return isFailureCode(code) ? FAILURES[code].status : (STATUS_NAMES[status] ?? 'INTERNAL');
}

/** The body of a request. @throws HttpError `content_type_not_supported` for one that is not sent as JSON. */
export async function bodyOf({ request, body }: Pick<Call, 'request' | 'body'>): Promise<unknown> {
  const read = await body();
  const type = request.headers.get('content-type') ?? '';
  if (typeof read !== 'string' || isJsonType(type)) return read;
  const reason = 'Send the body as JSON, with the header content-type: application/json';
  throw failure('content_type_not_supported', reason);
}

/** What an error is, for programs: its name, and the members of the request that are wrong. */
export function detailsOf({ code, status, detail }: HttpError): readonly object[] {
  const isRequests = status === 400 || status === 422;
  const reason = code?.toUpperCase() ?? (isRequests ? 'INVALID_PARAMS' : undefined);
  const isOwn = code !== undefined && !isFailureCode(code) && !Object.hasOwn(RPC_CODES, code);
  const domain = isOwn ? 'jims' : 'a2a-protocol.org';
  const info = { '@type': ERROR_INFO, reason, domain };
  const named = reason === undefined ? [] : [info];
  if (typeof detail === 'string') return named;
  const fieldViolations = detail
    .slice(0, MAX_VIOLATIONS)
    .map(({ loc, msg }) => ({ field: loc.slice(1).join('.'), description: msg }));
  return [...named, { '@type': BAD_REQUEST, fieldViolations }];
}

const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo';
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest';
const MAX_VIOLATIONS = 10;

/** An error of A2A's own. */
export function failure(code: FailureCode, message: string): HttpError {
  return new HttpError(FAILURES[code].http, message, { code });
}

/** Refusals of what this agent does not support. */
export const unsupported = {
  push: (): never => {
    throw failure('push_notification_not_supported', 'This agent sends no push notifications');
  },
  extendedCard: (): never => {
    throw failure('unsupported_operation', 'This agent has one card, for everybody');
  },
};

const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  413: 'INVALID_ARGUMENT',
  422: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

function isFailureCode(code: string | undefined): code is FailureCode {
  return code !== undefined && Object.hasOwn(FAILURES, code);
}

export type Version = '1.0' | '0.3';

/**
 * The version of A2A that a request is of, without its patch number. `undefined` when the request does not say:
 * clients of 0.3 say nothing, and neither do many of 1.0.
 *
 * @param spoken Those that the binding has.
 * @throws HttpError `version_not_supported`
 */
export function versionOf(
  { request, query }: Pick<Call, 'request' | 'query'>,
  spoken: readonly Version[],
): Version | undefined {
  const said = request.headers.get('a2a-version') || query.get('A2A-Version') || '';
  if (said === '') return undefined;
  const version = spoken.find((each) => said === each || said.startsWith(`${each}.`));
  if (version) return version;
  throw failure('version_not_supported', `Here A2A ${spoken.join(' and ')} is spoken`);
}
