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

/** Sent by the official clients of OpenAI and Anthropic in every language: they obey `x-should-retry`. */
const OBEDIENT_HEADER = 'x-stainless-lang';
/** LangChain is made of these clients, and repeats by itself what they do not. */
const LANGCHAIN = /langchain/i;
/** It sends this to Anthropic's API, also from servers, and does not name itself; so do pages. */
const LANGCHAIN_HEADER = 'anthropic-dangerous-direct-browser-access';

/** The headers that keep a client from sending a request again, unless that does no harm. */
export function retryHeaders({
  code,
  hasRun: mayNot,
}: HttpError): Readonly<Record<string, string>> {
  const isSafe = code !== undefined && SAFE_TO_RETRY.has(code) && !mayNot;
  return isSafe ? {} : { 'x-should-retry': 'false' };
}

/**
 * The status of an error. Where a pipeline has run, it is the true one for clients that are known not to
 * run it again then, and 400 for all others: after that no client does.
 */
export function statusWithoutRepeat(error: HttpError, call: Pick<RefusedCall, 'request'>): number {
  if (error.status === 422) return 400;
  return mayRunAgain(error, call) ? 400 : error.status;
}

/** Whether a client may run a pipeline again because of an error that says that it failed. */
export function mayRunAgain(error: HttpError, { request }: Pick<RefusedCall, 'request'>): boolean {
  return hasRun(error) && !obeys(request.headers);
}

function obeys(headers: Headers): boolean {
  const isLangChain =
    LANGCHAIN.test(headers.get('user-agent') ?? '') || headers.has(LANGCHAIN_HEADER);
  return headers.has(OBEDIENT_HEADER) && !isLangChain;
}

/** Whether the pipeline has run, or may have. */
export function hasRun(error: HttpError): boolean {
  const { status, code } = error;
  return (
    error.hasRun || status === 500 || status === 504 || code === 'lost' || code === 'cancelled'
  );
}
