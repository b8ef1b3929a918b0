import { cleanJson, withCallersTrace } from 'jims-core/host';

import { unauthorized } from '../auth/authenticate.ts';
import { actingAs, isNobodys } from '../http/contact.ts';
import { encodingOf, notCompressed } from '../http/content-encoding.ts';
import type { Cors } from '../http/cors.ts';
import { errorBody, toHttpError } from '../http/error-response.ts';
import { HttpError, addressInvalid, notFound, notJson } from '../http/errors.ts';
import { UNREADABLE_BODY, isJsonType, readJsonBody } from '../http/json-body.ts';
import { requestId } from '../http/naming-headers.ts';
import type { Authenticate, Principal } from '../http/principal.ts';
import type { ApiContext, Call, RefusedCall, Route } from '../http/route.ts';
import type { Refusals } from './refusals.ts';
import type { RequestGuard } from './request-guard.ts';
import type { RequestLog } from './request-log.ts';

export interface AnswerOptions {
  readonly api: ApiContext;
  readonly authenticate: Authenticate;
  readonly cors: Cors;
  readonly guard: RequestGuard;
  /** Whether the service has pages of its own, which read something every few seconds. */
  readonly playground: boolean;
  /** Whether services must name the contact by a header. */
  readonly requireContactHeader: boolean;
  readonly log: RequestLog;
  readonly refusals: Refusals;
  /** Whether the service is shutting down: then it closes the connection after each answer. */
  readonly isDraining: () => boolean;
  /** Cuts the connection of a request; false where the server cannot do that. */
  readonly cut: (request: Request) => boolean;
}

/** A request with its route. */
export interface Routed {
  readonly route: Route;
  readonly request: Request;
  readonly params: Call['params'];
}

const OPEN: Principal = { kind: 'service', id: 'open' };

/** Answers a request by its route: authenticates the caller, turns whatever is thrown into an answer, logs. */
export async function answer(options: AnswerOptions, routed: Routed): Promise<Response> {
  const { api, cors, log, refusals, isDraining } = options;
  const { request, route } = routed;
  const receivedAt = Date.now();
  // A server may take a Host header, such as 999.1.1.1, of which no address can be made.
  const url = URL.parse(request.url);
  const id = requestId(request);
  const { method } = request;
  const { path, probe = false } = route;
  const isProbe = probe || (options.playground && isReadByPage(request));
  const line = log.line({ requestId: id, method, path }, { isProbe });
  let read: Promise<unknown> | undefined;
  const call: RefusedCall = {
    request,
    path: url?.pathname ?? '/',
    requestId: id,
    headers: {
      'x-request-id': id,
      ...cors.headers(request),
      ...(isDraining() && { connection: 'close' }),
    },
    body: () =>
      (read ??= readJsonBody(request, {
        maxBytes: api.maxBodyBytes,
        anyText: route.anyText === true && request.headers.has('origin'),
      })),
  };
  let response: Response;
  let refusal: Pick<HttpError, 'code' | 'reason'> | undefined;
  try {
    if (!url) throw addressInvalid();
    const { searchParams: query } = url;
    response = await withCallersTrace(traceHeaders(request), () =>
      handle(options, routed, {
        ...call,
        receivedAt,
        query,
        logStream: line.stream,
        logRun: line.run,
        brokeOff(error) {
          log.brokeOff(id, error);
          return options.cut(request);
        },
      }),
    );
  } catch (error) {
    const thrown = toHttpError(error, { requestId: id, exposeErrors: api.exposeErrors });
    const failure = route.isOriginal ? thrown : await explained(thrown, request, read);
    const counted = refusals.count(failure);
    refusal = { code: failure.code ?? counted, reason: failure.reason };
    log.failed(id, failure);
    response = await refuse(route, call, failure);
  }
  line.answered(response, refusal);
  return response;
}

/** Whether a page of the service itself reads something: the log of a developer would be full of that. */
function isReadByPage({ method, headers }: Request): boolean {
  return method === 'GET' && headers.get('sec-fetch-site') === 'same-origin';
}

/**
 * Adds what the original's messages leave out: that a body is not compressed as its header says, or that
 * it was not read as JSON because of its content type.
 */
async function explained(
  failure: HttpError,
  request: Request,
  read: Promise<unknown> | undefined,
): Promise<HttpError> {
  const { status, code } = failure;
  const encoding = encodingOf(request.headers);
  if (failure.detail === UNREADABLE_BODY && encoding !== '') {
    return notCompressed(encoding, failure.cause);
  }
  const contentType = request.headers.get('content-type') ?? '';
  if ((status !== 400 && status !== 422) || isJsonType(contentType)) return failure;
  const body = await read?.catch(() => undefined);
  if (typeof body !== 'string') return failure;
  const sent = contentType.slice(0, 100) || 'missing';
  return new HttpError(
    status,
    `The body must be JSON with content-type: application/json; the content type is ${sent}`,
    { code: code ?? 'content_type_not_json', headers: failure.headers },
  );
}

/**
 * Checks the host and the origin of a request. For a path with a slash at its end, a wrong host gets 404:
 * the original has a redirect there, which would lead to any host that a request names.
 */
function guardPath(guard: RequestGuard, request: Request, path: string): void {
  try {
    guard(request);
  } catch (error) {
    const isHost = error instanceof HttpError && error.code === 'host_not_allowed';
    throw isHost && path.length > 1 && path.endsWith('/') ? notFound() : error;
  }
}

async function handle(
  { api, authenticate, guard, requireContactHeader }: AnswerOptions,
  { route, request, params }: Routed,
  call: RefusedCall & Pick<Call, 'query' | 'receivedAt' | 'logStream' | 'logRun' | 'brokeOff'>,
): Promise<Response> {
  // Databases cannot keep a NUL; JSON that holds one is refused, too.
  if (request.url.includes('%00')) {
    throw new HttpError(400, 'An address must not hold a NUL', { code: 'address_invalid' });
  }
  if (!route.refuses && !route.probe) guardPath(guard, request, call.path);
  if (route.open || route.admits?.(api, { params, query: call.query }) === true) {
    return route.handle(api, { ...call, principal: OPEN, contactByHeader: false, params });
  }
  let reason: string | undefined;
  const explain = (why: string): void => void (reason = why);
  const caller = await authenticate(request, call.body, explain);
  if (!caller) throw unauthorized(reason);
  const { kind, id } = caller;
  api.logger.debug({ requestId: call.requestId, caller: kind, callerId: id }, 'caller recognised');
  if (isNobodys(caller)) throw unauthorized('the contact has a name that stands for nobody');
  const required = requireContactHeader && !route.contactless;
  const acting = actingAs(caller, request, { required });
  if (route.bodyless && typeof (await call.body()) === 'string') throw notJson();
  return route.handle(api, { ...call, ...acting, params });
}

async function refuse(route: Route, call: RefusedCall, failure: HttpError): Promise<Response> {
  const headers = { ...call.headers, ...failure.headers };
  if (route.encodeError) return route.encodeError(failure, { ...call, headers });
  const body = errorBody(failure);
  // A list of faults quotes the client's own valid JSON; a string may come from the pipeline.
  const text = typeof failure.detail === 'string' ? cleanJson(body) : JSON.stringify(body);
  return new Response(text, {
    status: failure.status,
    headers: { ...headers, 'content-type': 'application/json' },
  });
}

/** The trace that a request belongs to, when its headers name one: W3C Trace Context. */
function traceHeaders({ headers }: Request): Record<string, string> | undefined {
  const traceparent = headers.get('traceparent');
  if (traceparent === null) return undefined;
  const tracestate = headers.get('tracestate');
  return { traceparent, ...(tracestate !== null && { tracestate }) };
}
