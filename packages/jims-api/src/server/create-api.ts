import type { JimsApp, Logger } from 'jims-core';
import { COUNT, TIMER_MS, numberOptions, requireNewNode, unfailing } from 'jims-core/host';

import { createAuthenticate, isSecured } from '../auth/authenticate.ts';
import type { AuthenticateOptions } from '../auth/authenticate.ts';
import { CLIENT_EVENT_TYPES } from '../chat/event-types.ts';
import { createCors } from '../http/cors.ts';
import { FileSignatures } from '../http/file-signatures.ts';
import type { Authenticate } from '../http/principal.ts';
import { publicAddress } from '../http/public-address.ts';
import { ReadingTurns } from '../http/reading-turns.ts';
import { NOT_FOUND } from '../http/route.ts';
import type { ApiContext, Protocol, Route } from '../http/route.ts';
import { DEFAULT_HEARTBEAT_MS, sseResponse } from '../http/sse/response.ts';
import type { SseResponder } from '../http/sse/response.ts';
import { createStreams } from '../http/sse/stream-limit.ts';
import { Webhooks } from '../http/webhooks/webhooks.ts';
import { jimsProtocol } from '../protocols/jims/routes.ts';
import { PROTOCOLS, isProtocolName } from '../protocols/registry.ts';
import type { ProtocolName } from '../protocols/registry.ts';
import { appRoute } from './app-route.ts';
import type { CodeFeed } from './code-feed.ts';
import { sendDeliveries } from './deliveries.ts';
import { answer } from './dispatch.ts';
import type { AnswerOptions, Routed } from './dispatch.ts';
import { isHostName } from './hosts.ts';
import { fromNode } from './node-host.ts';
import { ProtocolLoader } from './protocol-loader.ts';
import { Refusals } from './refusals.ts';
import { createRequestGuard } from './request-guard.ts';
import { RequestLog } from './request-log.ts';
import { createRouter } from './router.ts';
import type { Router } from './router.ts';
import { serviceRoutes } from './service-routes.ts';
import { wireRoute } from './wire-route.ts';

export interface ApiOptions extends Partial<AuthenticateOptions> {
  /** Decides who calls, instead of keys, OIDC and Authentik. */
  readonly authenticate?: Authenticate;
  /** Clients see the error message of a failing pipeline; default false. */
  readonly exposeErrors?: boolean;
  /** Any caller may use any thread whose id they know; default false. */
  readonly sharedThreads?: boolean;
  /** Patterns of the event types that clients may send; default {@link CLIENT_EVENT_TYPES}. */
  readonly allowedEventTypes?: readonly string[];
  /**
   * Patterns of the event types that contacts may append to their own threads without a run, such as
   * `ui.*`; default none. Messages (`comm.*`), and what the service writes itself, are never among them.
   */
  readonly contactEventTypes?: readonly string[];
  /** The protocols to speak beside JIMS's own; default all. */
  readonly protocols?: readonly ProtocolName[];
  /**
   * Serves the playground at `/`: a page to talk with the app, and to see what happens in it. The page is
   * open, and asks for a key where the API does. Default false.
   */
  readonly playground?: boolean;
  /** Serves `<jims-chat>`, for pages of any origin, as `/widget.js`; default false. */
  readonly widget?: boolean;
  /** The origins of pages that may call from a browser, such as `https://app.example`; default none. */
  readonly corsOrigins?: readonly string[];
  /**
   * The address by which clients reach the service, such as `https://chat.example`; for answers that
   * name it. Default: the address that a request names, which is wrong behind a proxy.
   */
  readonly publicUrl?: string | undefined;
  /**
   * Secrets of at least 32 characters. With them the addresses of files that clients get are signed: a
   * client that has one gets that file without a key for a day, as images in a page must. The first one signs, all of them
   * are accepted; processes of one service need the same. Default: files need the caller's key.
   */
  readonly fileAddressKeys?: readonly string[];
  /**
   * Host names that requests may be sent to, such as `chat.example`, beside IP addresses, `localhost`,
   * names without a dot and the host of `publicUrl`; `*` stands for any. Requests to another host are
   * refused with 403, so that no web page can reach an open service by pointing a name of its own here.
   * Default: the host is not checked.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /**
   * Where clients may have the service send what becomes of their runs, such as A2A's push notifications:
   * `*.example.com` for the public hosts below a name, `*` for any public host, by https alone;
   * `hooks.example` or `receiver:8080` for exactly this one, which may then be private, and speak plain http. Default:
   * nothing is sent. Of several APIs of one app each sends what was subscribed to at it.
   */
  readonly webhookHosts?: readonly string[] | undefined;
  /**
   * Secrets that sign what is sent to `webhookHosts`, by Standard Webhooks: `whsec_` and 24 to 64 bytes in
   * base64. All of them sign, so that receivers can change over. Default: nothing is signed.
   */
  readonly webhookSecrets?: readonly string[];
  /** Refuses requests of services that do not name a contact by `x-jims-contact-id`; default false. */
  readonly requireContactHeader?: boolean;
  /** The size of a request body, also when it is decompressed; default 4 MiB. */
  readonly maxBodyBytes?: number;
  /** The size of one new message of a client, in bytes; default 256 KiB. */
  readonly maxMessageBytes?: number;
  /** The size of a thread's config, or of metadata, that a client sends, in bytes; default 128 KiB. */
  readonly maxConfigBytes?: number;
  /** Milliseconds that a client which sends a file may send nothing of it; default 30,000. */
  readonly uploadPieceMs?: number;
  /** How many streams may be open; default 10,000. */
  readonly maxStreams?: number;
  /** How many streams one contact may have open; default a tenth of `maxStreams`. */
  readonly maxStreamsPerCaller?: number | undefined;
  /** After how many milliseconds a silent stream sends a sign of life; default 8000. */
  readonly heartbeatMs?: number;
  /** Default: no logs. */
  readonly logger?: Logger;
  /** @internal How the code is doing that `jims-api dev` loads. */
  readonly code?: CodeFeed | undefined;
  /** Whether the service is shutting down; then `/readyz` is 503. Default: never. */
  readonly isDraining?: () => boolean;
}

/**
 * The whole service as a web-standard fetch handler, which is also its own member `fetch`, as some hosts
 * want it. Hosts may pass something of their own beside the request; only Node's is used.
 */
export type Api = FetchHandler & { readonly fetch: FetchHandler };
type FetchHandler = (request: Request, host?: unknown) => Promise<Response>;

const KIB = 1024;
const NUMBERS = {
  maxBodyBytes: COUNT,
  maxMessageBytes: COUNT,
  maxConfigBytes: COUNT,
  uploadPieceMs: TIMER_MS,
  maxStreams: COUNT,
  maxStreamsPerCaller: COUNT,
  heartbeatMs: TIMER_MS,
};
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Makes a web-standard fetch handler of an app, for a server or a framework of your own; `serve` brings
 * a server with it. Nothing is opened before the first request.
 *
 * @throws TypeError for an option that cannot work; JimsError `app_invalid` for a number that is too small or not a
 * number, and for a logger without a method.
 * @example
 * const api = createApi(app, { apiKeys: ['s3cret'] });
 * const response = await api(new Request('http://localhost/healthz'));
 * @example
 * Bun.serve({ fetch: createApi(app), idleTimeout: 255 });
 */
export function createApi(app: JimsApp, options: ApiOptions = {}): Api {
  return createHostedApi(app, options, { respond: sseResponse, cut: () => false });
}

/** The server around the API. */
export interface ApiHost {
  readonly respond: SseResponder;
  /** Cuts the connection of a request at once; false where that is not possible. */
  readonly cut: (request: Request) => boolean;
}

/** As {@link createApi}, for a server that has its own way to send streams. */
export function createHostedApi(app: JimsApp, given: ApiOptions, server: ApiHost): Api {
  requireNewNode();
  const options = { ...given, ...numberOptions(given, NUMBERS) };
  const { apiKeys = [], oidc, authentik, isDraining = () => false } = options;
  const { requireContactHeader = false, playground = false, widget = false } = options;
  const checks = { apiKeys, oidc, authentik };
  const authenticate = options.authenticate ?? createAuthenticate(checks);
  const secured = options.authenticate !== undefined || isSecured(checks);
  const cors = createCors(options.corsOrigins ?? []);
  const api = apiContext(options, { app, secured, cors, respond: server.respond });
  const names = options.protocols ?? Object.keys(PROTOCOLS).filter(isProtocolName);
  const others = new ProtocolLoader(
    names.map((name) => PROTOCOLS[name]),
    api.logger,
  );
  const wire = wireRoute(async (name) => {
    if (name === 'jims') return jimsProtocol;
    return isProtocolName(name) && names.includes(name) ? others.load(PROTOCOLS[name]) : undefined;
  });
  sendDeliveries(api, names, (entry) => others.load(entry));
  const service = serviceRoutes({
    secured,
    own: [wire, appRoute({ protocols: names, playground, code: options.code })],
    protocols: async () => [jimsProtocol, ...(await others.all())],
    isDraining,
    playground,
    widget,
    code: options.code,
  });

  const { publicUrl } = api;
  const answering: AnswerOptions = {
    api,
    authenticate,
    cors,
    guard: createRequestGuard({ cors, publicUrl, allowedHosts: hostNames(options) }),
    requireContactHeader,
    playground,
    log: new RequestLog(api.logger),
    refusals: new Refusals(app.metrics),
    isDraining,
    cut: server.cut,
  };
  const answerBy: AnswerBy = (routed) => answer(answering, routed);
  const ofOthers = answerOfOthers(others, answerBy);
  const first = createRouter([...service, ...jimsProtocol.routes], answerBy, ofOthers);
  const handler: FetchHandler = async (received, host) => {
    const request = fromNode(received, host);
    return cors.preflight(request) ?? (await first.fetch(request));
  };
  return Object.assign(handler, { fetch: handler });
}

type AnswerBy = (routed: Routed) => Promise<Response>;

/** Each protocol is loaded, and gets a router, with the first request for it. */
function answerOfOthers(
  others: ProtocolLoader,
  answerBy: AnswerBy,
): (request: Request) => Promise<Response> {
  const routers = new Map<Protocol, Router>();
  const fallback = (route: Route) => (request: Request) => answerBy({ route, request, params: {} });
  const notFound = fallback(NOT_FOUND);

  function routerOf(protocol: Protocol): Router {
    const unknown = fallback(protocol.fallback ?? NOT_FOUND);
    const router = routers.get(protocol) ?? createRouter(protocol.routes, answerBy, unknown);
    routers.set(protocol, router);
    return router;
  }

  return async (request) => {
    const protocol = await others.forPath(URL.parse(request.url)?.pathname ?? '');
    return protocol ? routerOf(protocol).fetch(request) : notFound(request);
  };
}

function apiContext(
  options: ApiOptions,
  made: Pick<ApiContext, 'app' | 'secured' | 'cors' | 'respond'>,
): ApiContext {
  return {
    ...made,
    logger: unfailing(options.logger ?? silent),
    exposeErrors: options.exposeErrors ?? false,
    sharedThreads: options.sharedThreads ?? false,
    allowedEventTypes: options.allowedEventTypes ?? CLIENT_EVENT_TYPES,
    contactEventTypes: options.contactEventTypes ?? [],
    ...bodyLimits(options),
    heartbeatMs: options.heartbeatMs ?? DEFAULT_HEARTBEAT_MS,
    streams: createStreams({
      maxStreams: options.maxStreams ?? 10_000,
      maxStreamsPerCaller: options.maxStreamsPerCaller,
      metrics: made.app.metrics,
    }),
    turns: new ReadingTurns(made.app.metrics),
    fileSignatures: new FileSignatures(options.fileAddressKeys ?? []),
    webhooks: webhooksOf(options),
    publicUrl: options.publicUrl === undefined ? undefined : publicUrlOf(options.publicUrl),
  };
}

function bodyLimits(
  options: ApiOptions,
): Pick<ApiContext, 'maxBodyBytes' | 'maxMessageBytes' | 'maxConfigBytes' | 'uploadPieceMs'> {
  return {
    maxBodyBytes: options.maxBodyBytes ?? 4 * 1024 * KIB,
    maxMessageBytes: options.maxMessageBytes ?? 256 * KIB,
    maxConfigBytes: options.maxConfigBytes ?? 128 * KIB,
    uploadPieceMs: options.uploadPieceMs ?? 30_000,
  };
}

function webhooksOf({
  webhookHosts: hosts = [],
  webhookSecrets: secrets,
  publicUrl,
  exposeErrors,
}: ApiOptions): Webhooks | undefined {
  if (hosts.length === 0) return undefined;
  return new Webhooks({ hosts, secrets, api: { publicUrl, exposeErrors } });
}

function hostNames({ allowedHosts }: ApiOptions): readonly string[] | undefined {
  const strange = allowedHosts?.find((each) => !isHostName(each));
  if (strange === undefined) return allowedHosts;
  throw new TypeError(`allowedHosts must be host names such as chat.example, got '${strange}'`);
}

function publicUrlOf(text: string): string {
  const address = publicAddress(text);
  if (address !== undefined) return address;
  throw new TypeError(`publicUrl must be an http(s) address, got '${text}'`);
}
