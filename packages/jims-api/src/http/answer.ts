import { withCallersTrace } from 'jims-core';

import { unauthorized } from './auth/authenticate.ts';
import type { Authenticate, Principal } from './auth/principal.ts';
import { isNobodys } from './contact.ts';
import type { Cors } from './cors.ts';
import { errorBody, toHttpError } from './error-response.ts';
import { HttpError } from './errors.ts';
import { readJsonBody } from './json-body.ts';
import { requestId } from './request-id.ts';
import type { RequestLog } from './request-log.ts';
import { json } from './route.ts';
import type { ApiContext, Call, RefusedCall, Route } from './route.ts';

export interface AnswerOptions {
  readonly api: ApiContext;
  readonly authenticate: Authenticate;
  readonly cors: Cors;
  readonly log: RequestLog;
  /** Asked once a request: a service that shuts down lets go of its connections. */
  readonly isDraining: () => boolean;
}

/** A request, and the route that is for it. */
export interface Routed {
  readonly route: Route;
  readonly request: Request;
  readonly params: Call['params'];
}

const MAX_JSON_DEPTH = 64;
const OPEN: Principal = { kind: 'service', id: 'open' };

/** Answers a request by its route: lets the caller in, turns whatever is thrown into an answer, logs. */
export async function answer(options: AnswerOptions, routed: Routed): Promise<Response> {
  const { api, cors, log, isDraining } = options;
  const { request, route } = routed;
  const started = performance.now();
  const url = new URL(request.url);
  const id = requestId(request);
  let read: Promise<unknown> | undefined;
  const limits = { maxBytes: api.maxBodyBytes, maxDepth: MAX_JSON_DEPTH };
  const call: RefusedCall = {
    request,
    path: url.pathname,
    requestId: id,
    headers: {
      'x-request-id': id,
      ...cors.headers(request),
      ...(isDraining() && { connection: 'close' }),
    },
    body: () => (read ??= readJsonBody(request, limits)),
  };
  let response: Response;
  let reason: string | undefined;
  try {
    response = await withCallersTrace(traceHeaders(request), () =>
      handle(options, routed, { ...call, query: url.searchParams }),
    );
  } catch (error) {
    const failure = toHttpError(error, { requestId: id, exposeErrors: api.exposeErrors });
    if (failure.code === 'body_too_large') api.app.metrics.countRefusal(failure.code);
    log.failed(id, failure);
    ({ reason } = failure);
    response = await refuse(route, call, failure);
  }
  const ms = Math.round((performance.now() - started) * 10) / 10;
  log.answered({ requestId: id, method: request.method, path: route.path, response, ms, reason });
  return response;
}

async function handle(
  { authenticate }: AnswerOptions,
  { route, request, params }: Routed,
  call: RefusedCall & Pick<Call, 'query'>,
): Promise<Response> {
  // No database keeps it, and JSON that holds it is refused, too.
  if (request.url.includes('%00')) {
    throw new HttpError(400, 'An address must not hold a NUL', { code: 'address_invalid' });
  }
  let reason: string | undefined;
  const explain = (why: string): void => void (reason = why);
  const principal = route.open ? OPEN : await authenticate(request, call.body, explain);
  if (!principal) throw unauthorized(reason);
  if (isNobodys(principal)) throw unauthorized('the contact has a name that stands for nobody');
  return route.handle({ ...call, principal, params });
}

async function refuse(route: Route, call: RefusedCall, failure: HttpError): Promise<Response> {
  const all = { ...call, headers: { ...call.headers, ...failure.headers } };
  return route.encodeError
    ? route.encodeError(failure, all)
    : json(all, errorBody(failure), failure.status);
}

/** The trace that a request is a part of, where its caller says so: W3C Trace Context. */
function traceHeaders({ headers }: Request): Record<string, string> | undefined {
  const traceparent = headers.get('traceparent');
  if (traceparent === null) return undefined;
  const tracestate = headers.get('tracestate');
  return { traceparent, ...(tracestate !== null && { tracestate }) };
}
