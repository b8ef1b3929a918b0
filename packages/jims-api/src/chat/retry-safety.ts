// Clients of model APIs send a request again when it fails. A pipeline must not run twice because of that.
import type { HttpError } from '../http/errors.ts';
import type { RefusedCall } from '../http/route.ts';

/** Errors that mean that nothing has run: sent again, the request does no harm. */
const SAFE_TO_RETRY: ReadonlySet<string> = new Set([
  'overloaded',
  'queue_full',
  'too_many_reads',
  'too_many_runs',
  'too_many_streams',
  'too_many_streams_of_caller',
  'disconnected',
  'auth_unavailable',
  'shutting_down',
  'store_unavailable',
]);

/**
 * Clients that repeat a request whatever `x-should-retry` says: LangChain and Codex six times, the AI SDK
 * twice. After 400 none of them does.
 */
const REPEATS_ANYWAY = /langchainjs|\bai-sdk|\bcodex/i;
/** LangChain sends it to Anthropic's API, also from servers, and does not name itself; so do pages. */
const LANGCHAIN_HEADER = 'anthropic-dangerous-direct-browser-access';

/** The headers that keep a client from sending a request again, unless that does no harm. */
export function retryHeaders({ code }: HttpError): Readonly<Record<string, string>> {
  return code !== undefined && SAFE_TO_RETRY.has(code) ? {} : { 'x-should-retry': 'false' };
}

/** The status of an error, as a client gets it that would run the pipeline again after a true one. */
export function statusWithoutRepeat(error: HttpError, call: Pick<RefusedCall, 'request'>): number {
  if (error.status === 422) return 400;
  return hasRun(error) && repeatsAnyway(call) ? 400 : error.status;
}

function repeatsAnyway(call: Pick<RefusedCall, 'request'>): boolean {
  return REPEATS_ANYWAY.test(userAgent(call)) || call.request.headers.has(LANGCHAIN_HEADER);
}

/** Whether the pipeline has run, or may have. */
export function hasRun({ status, code }: HttpError): boolean {
  return status === 500 || status === 504 || code === 'lost' || code === 'cancelled';
}

/** The client, as it names itself. */
export function userAgent({ request }: Pick<RefusedCall, 'request'>): string {
  return request.headers.get('user-agent') ?? '';
}
