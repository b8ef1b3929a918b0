import { Hono } from 'hono';
import { describeError, isJimsError } from 'jims-core';
import type { JimsApp, Logger } from 'jims-core';

import { jimsProtocol } from '../protocols/jims/routes.ts';
import { packageVersion } from '../version.ts';
import { createAuthenticate, isSecured, unauthorized } from './auth/authenticate.ts';
import type { AuthenticateOptions } from './auth/authenticate.ts';
import type { Authenticate, Principal } from './auth/principal.ts';
import { errorBody, toHttpError } from './error-response.ts';
import { HttpError } from './errors.ts';
import { CLIENT_EVENT_TYPES } from './event-types.ts';
import { readJsonBody } from './json-body.ts';
import { requestId } from './request-id.ts';
import { json } from './route.ts';
import type { ApiContext, Call, Route } from './route.ts';
import { serviceRoutes } from './service-routes.ts';

export interface ApiOptions extends Partial<AuthenticateOptions> {
  /** Decides who calls, instead of keys, OIDC and Authentik. */
  readonly authenticate?: Authenticate;
  /** A failing pipeline's own text goes to the client; default false. */
  readonly exposeErrors?: boolean;
  /** Any caller may use any thread whose id it knows; default false. */
  readonly sharedThreads?: boolean;
  /** Patterns of the event types that clients may send, `!` forbids; default {@link CLIENT_EVENT_TYPES}. */
  readonly allowedEventTypes?: readonly string[];
  /** Default 4 MiB. */
  readonly maxBodyBytes?: number;
  /** How often a silent stream says that it lives; default 15 s. */
  readonly heartbeatMs?: number;
  /** Default: no logs. */
  readonly logger?: Logger;
  /** Asked by `/readyz`; default never. */
  isDraining?(): boolean;
}

/** The whole service as a web-standard fetch handler; also as its own member `fetch`, as hosts like it. */
export type Api = FetchHandler & { readonly fetch: FetchHandler };
type FetchHandler = (request: Request) => Promise<Response>;

const MAX_JSON_DEPTH = 64;
const OPEN: Principal = { kind: 'service', id: 'open' };
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Puts an app behind HTTP. Nothing listens and nothing is opened before the first request.
 *
 * @throws TypeError when the options for authentication cannot work.
 */
export function createApi(app: JimsApp, options: ApiOptions = {}): Api {
  const { apiKeys = [], oidc, authentik, logger = silent } = options;
  const ways = { apiKeys, oidc, authentik };
  const authenticate = options.authenticate ?? createAuthenticate(ways);
  const context: ApiContext = {
    app,
    logger,
    exposeErrors: options.exposeErrors ?? false,
    sharedThreads: options.sharedThreads ?? false,
    allowedEventTypes: options.allowedEventTypes ?? CLIENT_EVENT_TYPES,
    maxBodyBytes: options.maxBodyBytes ?? 4 * 1024 * 1024,
    heartbeatMs: options.heartbeatMs ?? 15_000,
  };
  const protocols = [jimsProtocol(context)];
  const routes = protocols.flatMap((protocol) => protocol.routes);
  const service = serviceRoutes({
    app,
    version: packageVersion(),
    secured: options.authenticate !== undefined || isSecured(ways),
    operations: protocols.flatMap((protocol) => protocol.operations),
    isDraining: () => options.isDraining?.() ?? false,
  });
  const router = createRouter([...service, ...routes], (route, request) =>
    answer(context, authenticate, route, request),
  );
  const handler: FetchHandler = async (request) => router.fetch(request);
  return Object.assign(handler, { fetch: handler });
}

/** Where a request goes when no route is for its path, or none for its method. */
function elsewhere(status: 404 | 405, allow?: string): Route {
  const detail = status === 404 ? 'Not Found' : 'Method Not Allowed';
  return {
    method: 'GET',
    path: '*',
    open: true,
    handle() {
      throw new HttpError(status, detail, allow === undefined ? {} : { headers: { allow } });
    },
  };
}

function createRouter(
  routes: readonly Route[],
  answerBy: (route: Route, request: Request) => Promise<Response>,
): Hono {
  const router = new Hono();
  for (const route of routes) {
    router.on(route.method, route.path, (c) => answerBy(route, c.req.raw));
  }
  for (const [path, sharing] of Map.groupBy(routes, (route) => route.path)) {
    const wrongMethod = elsewhere(405, sharing.map((route) => route.method).join(', '));
    router.all(path, (c) => answerBy(wrongMethod, c.req.raw));
  }
  const unknown = elsewhere(404);
  router.notFound((c) => answerBy(unknown, c.req.raw));
  return router;
}

async function answer(
  context: ApiContext,
  authenticate: Authenticate,
  route: Route,
  request: Request,
): Promise<Response> {
  const { logger, maxBodyBytes, exposeErrors } = context;
  const started = performance.now();
  const id = requestId(request);
  const headers = { 'x-request-id': id };
  let body: Promise<unknown> | undefined;
  const readBody = (): Promise<unknown> =>
    (body ??= readJsonBody(request, { maxBytes: maxBodyBytes, maxDepth: MAX_JSON_DEPTH }));
  let response: Response;
  try {
    const principal = route.open ? OPEN : await authenticate(request, readBody);
    if (!principal) throw unauthorized();
    const call: Call = { request, requestId: id, principal, headers, body: readBody };
    response = await route.handle(call);
  } catch (error) {
    const failure = toHttpError(error, { requestId: id, exposeErrors });
    logFailure(logger, id, failure);
    const all = { headers: { ...headers, ...failure.headers } };
    response = json(all, errorBody(failure), failure.status);
  }
  const ms = Math.round((performance.now() - started) * 10) / 10;
  const { pathname } = new URL(request.url);
  const fields = { requestId: id, method: request.method, path: pathname, status: response.status };
  logger.info({ ...fields, ms }, 'request');
  return response;
}

const LOGGED_BY_THE_RUN: ReadonlySet<string> = new Set(['pipeline_failed', 'deadline', 'lost']);

function logFailure(logger: Logger, id: string, { status, message, cause }: HttpError): void {
  if (status < 500 || (isJimsError(cause) && LOGGED_BY_THE_RUN.has(cause.code))) return;
  logger.error({ requestId: id, status, error: describeError(cause) }, message);
}
