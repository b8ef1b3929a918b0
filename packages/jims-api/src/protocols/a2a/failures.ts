import { HttpError } from '../../http/errors.ts';
import type { Call } from '../../http/route.ts';

/** A2A's own errors: their code in JSON-RPC, their HTTP status, and its name in google.rpc. */
const FAILURES = {
  task_not_found: { rpc: -32_001, http: 404, status: 'NOT_FOUND' },
  task_not_cancelable: { rpc: -32_002, http: 400, status: 'FAILED_PRECONDITION' },
  push_notification_not_supported: { rpc: -32_003, http: 400, status: 'FAILED_PRECONDITION' },
  unsupported_operation: { rpc: -32_004, http: 400, status: 'FAILED_PRECONDITION' },
  content_type_not_supported: { rpc: -32_005, http: 400, status: 'INVALID_ARGUMENT' },
  extended_agent_card_not_configured: { rpc: -32_007, http: 400, status: 'FAILED_PRECONDITION' },
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

/** A2A's name of an error, such as `TASK_NOT_FOUND`; `undefined` for an error that A2A does not define. */
export function reasonOf({ code, status }: HttpError): string | undefined {
  if (isFailureCode(code)) return code.toUpperCase();
  return status === 400 || status === 422 ? 'INVALID_PARAMS' : undefined;
}

/** An error of A2A's own. */
export function failure(code: FailureCode, message: string): HttpError {
  return new HttpError(FAILURES[code].http, message, { code });
}

/** Refusals of what this agent does not support. */
export const unsupported = {
  list: (): never => {
    throw failure('unsupported_operation', 'This agent does not list tasks');
  },
  push: (): never => {
    throw failure('push_notification_not_supported', 'This agent sends no push notifications');
  },
  extendedCard: (): never => {
    throw failure('extended_agent_card_not_configured', 'This agent has one card, for everybody');
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

const SPOKEN = /^(?:1\.0|0\.3)(?:\.\d+)?$/;

/**
 * Refuses a version of A2A that this agent does not speak. Without the header the called method decides:
 * clients of 0.3 send none.
 *
 * @throws HttpError `version_not_supported`
 */
export function requireVersion({ request, query }: Call): void {
  const version = request.headers.get('a2a-version') ?? query.get('A2A-Version') ?? '';
  if (version === '' || SPOKEN.test(version)) return;
  throw failure('version_not_supported', 'This agent speaks A2A 1.0 and 0.3');
}
