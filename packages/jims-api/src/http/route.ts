import type { JimsApp, Logger, Run, SubscriptionRecord, TakenDelivery } from 'jims-core';
import type { GenericSchema } from 'valibot';

import type { Cors } from './cors.ts';
import { HttpError } from './errors.ts';
import type { FileSignatures } from './file-signatures.ts';
import type { Principal } from './principal.ts';
import type { ReadingTurns } from './reading-turns.ts';
import type { SseFrame } from './sse/frame.ts';
import type { SseEnd, SseResponder } from './sse/response.ts';
import type { Streams } from './sse/stream-limit.ts';
import type { WebhookMessage, Webhooks } from './webhooks/webhooks.ts';

/** What the routes of all protocols work with. */
export interface ApiContext {
  readonly app: JimsApp;
  readonly logger: Logger;
  /** Clients see the error message of a failing pipeline; for development. */
  readonly exposeErrors: boolean;
  /** Any caller may use any thread whose id it knows, as in the original. */
  readonly sharedThreads: boolean;
  /** Patterns of the event types that clients may send, such as `comm.user_*` and `!state.*`. */
  readonly allowedEventTypes: readonly string[];
  /** Patterns of the event types that contacts may append to their threads without a run. */
  readonly contactEventTypes: readonly string[];
  readonly maxBodyBytes: number;
  readonly maxMessageBytes: number;
  readonly maxConfigBytes: number;
  /** How long a client that sends a file may send nothing of it. */
  readonly uploadPieceMs: number;
  readonly heartbeatMs: number;
  readonly streams: Streams;
  readonly turns: ReadingTurns;
  readonly respond: SseResponder;
  /** Whether callers must show who they are. */
  readonly secured: boolean;
  /** Where clients reach the service, when its operator says so: no slash at its end. */
  readonly publicUrl: string | undefined;
  /** What lets browsers have files without a key. */
  readonly fileSignatures: FileSignatures;
  readonly cors: Cors;
  /** What sends to addresses that clients choose, where the operator allows it. */
  readonly webhooks: Webhooks | undefined;
}

/** One request whose caller is known. */
export interface Call {
  readonly request: Request;
  /** The path of its address, not decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The parameters of the route's path: `/threads/:thread_id` has `thread_id`. */
  readonly params: Readonly<Record<string, string>>;
  readonly requestId: string;
  /** When it arrived, in milliseconds since 1970. */
  readonly receivedAt: number;
  /** The caller; for a service that names a contact by the header `x-jims-contact-id`: that contact. */
  readonly principal: Principal;
  /** Whether a header named the contact: then no other name that the request holds counts. */
  readonly contactByHeader: boolean;
  /** To be sent with every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as JSON, read once, within the limits. Throws an `HttpError`. */
  readonly body: () => Promise<unknown>;
  /** Makes the log wait for the end of an answer that is a stream: gives what to call then. */
  readonly logStream: () => (end: SseEnd) => void;
  /**
   * Logs that an answer broke off while it was sent. True when its connection is cut already: then its body has only to
   * end. Otherwise the body must fail, or a part of the answer would pass for the whole.
   */
  readonly brokeOff: (error: unknown) => boolean;
  /** Names the run that the request has started, for its log line. */
  readonly logRun: (run: Pick<Run, 'id' | 'thread'>) => void;
}

/** What is known of a request that is answered with an error. The body of an unknown caller must not be read. */
export type RefusedCall = Pick<Call, 'request' | 'requestId' | 'headers' | 'path' | 'body'>;

/** A route: where it is, what the OpenAPI document says about it, and what answers it. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';
  /** As the router has it: `/threads/:thread_id`. */
  readonly path: string;
  /** Left out for a second address of a documented route, and for a route that only refuses. */
  readonly doc?: RouteDoc;
  /** Needs no key, whatever the service asks for. */
  readonly open?: boolean;
  /** Tells of requests that need no key, whatever the service asks for. */
  readonly admits?: (api: ApiContext, call: Pick<Call, 'params' | 'query'>) => boolean;
  /** Its refusals are those of the original, word for word. */
  readonly isOriginal?: boolean;
  /** Other methods of its path are answered as if the path were unknown. */
  readonly unlisted?: boolean;
  /** Says whether the service is up and nothing else: balancers ask by any name, or by none. */
  readonly probe?: boolean;
  /** Only refuses: whatever the caller and the host are. */
  readonly refuses?: boolean;
  /** Is about the service and no contact: needs no contact by `requireContactHeader`. */
  readonly contactless?: boolean;
  /**
   * Takes JSON that calls itself text from pages, as some clients send it. Any page can send that without a
   * preflight: so it must name its origin, which the request guard checks.
   */
  readonly anyText?: boolean;
  /** Reads no body: what comes with one that is not JSON is refused, as every page can send that. */
  readonly bodyless?: boolean;
  /** Answers with an error in the protocol's own form; by default as JIMS's own routes do. */
  readonly encodeError?: (error: HttpError, call: RefusedCall) => Response | Promise<Response>;
  readonly handle: (api: ApiContext, call: Call) => Promise<Response> | Response;
}

/** How the OpenAPI document describes a route. Schemas with a title become named components. */
export interface RouteDoc {
  readonly operationId: string;
  readonly summary: string;
  /** Markdown. */
  readonly description?: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Parameter[];
  /** It takes a file, as a form or bare: what the form has before the file, with what that is. */
  readonly upload?: Readonly<Record<string, string>>;
  /** The JSON body: the schema that checks it. */
  readonly request?: GenericSchema;
  readonly responses: Readonly<Record<number, ResponseDoc>>;
  /** What else may be answered, each with the common error body. */
  readonly errors?: readonly ErrorStatus[];
}

/** A parameter of a path, of a query or a header. */
export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly description: string;
  readonly required?: boolean;
  readonly schema: GenericSchema;
}

/** An answer without an error. */
export interface ResponseDoc {
  readonly description: string;
  /** Default `application/json`. */
  readonly contentType?: string;
  readonly schema?: GenericSchema;
  readonly example?: unknown;
  /** The frames that it has as an event stream. The document has them as `x-frames`. */
  readonly frames?: readonly FrameDoc[];
}

/** A kind of frame of an event stream. */
export interface FrameDoc {
  readonly event: string;
  readonly description: string;
  /** Comes only when the request's `include` names this. */
  readonly include?: string;
  /** No frame follows. */
  readonly last?: boolean;
  /** The JSON that is its data. */
  readonly schema: GenericSchema;
}

/** The statuses that mean the same on every route. */
export type ErrorStatus =
  | 400
  | 401
  | 403
  | 404
  | 408
  | 409
  | 410
  | 413
  | 415
  | 416
  | 422
  | 429
  | 500
  | 503
  | 504;

/** A `maxLength` that is the service's limit of a message: at most so many bytes are so many characters. */
export const MESSAGE_LENGTH = 'max-message-size';

/** What a route has beside its address, its documentation and its handler. */
type RouteOptions = Omit<Route, 'method' | 'path' | 'doc' | 'handle'>;

type MakeRoute = (
  path: string,
  handle: Route['handle'],
  doc: RouteDoc,
  options?: RouteOptions,
) => Route;

function by(method: Route['method']): MakeRoute {
  return (path, handle, doc, options = {}) => ({ method, path, doc, ...options, handle });
}

/**
 * Documented routes, by their methods.
 *
 * @example
 * route.get('/api/v1/runs/:run_id', getRun, { operationId: 'get_run', summary: 'A run', … });
 */
export const route = {
  get: by('GET'),
  post: by('POST'),
  put: by('PUT'),
  patch: by('PATCH'),
  delete: by('DELETE'),
} as const;

/** Routes whose errors are in the form of their protocol. */
export function refusingBy(
  encodeError: NonNullable<Route['encodeError']>,
  routes: readonly Route[],
): readonly Route[] {
  return routes.map((each) => ({ ...each, encodeError }));
}

/** The same route by another method or path, which the OpenAPI document leaves out. */
export function aliasOf(aliased: Route, at: Partial<Pick<Route, 'method' | 'path'>>): Route {
  const { doc: _, ...rest } = aliased;
  return { ...rest, ...at };
}

/** Routes, each of them at a second path, too. */
export function withAliases(
  routes: readonly Route[],
  alias: (path: string) => string,
): readonly Route[] {
  return routes.flatMap((each) => [each, aliasOf(each, { path: alias(each.path) })]);
}

/** A run in the frames of a protocol. */
export type RunFrames = AsyncIterable<SseFrame>;

/** A way that clients speak chat. */
export interface Protocol {
  readonly routes: readonly Route[];
  /** Shows a run that is over as the protocol streams it. */
  readonly wire: (api: ApiContext, call: Call, run: Run) => RunFrames | Promise<RunFrames>;
  /** How those are sent what changes who subscribed to a chain. */
  readonly delivering?: Delivering;
  /** Answers under its prefixes where it has no route; by default as JIMS's own paths do. */
  readonly fallback?: Route;
}

/** What a protocol sends to those who subscribed to a chain. */
export interface Delivering {
  readonly target: (subscription: SubscriptionRecord) => DeliveryTarget;
  /** `undefined` when there is nothing to send any more. */
  readonly message: (
    api: ApiContext,
    delivery: TakenDelivery,
  ) => Promise<WebhookMessage | undefined>;
}

/** Where a subscription is sent to, and by which API of the app: the name that its `webhooks` had. */
export interface DeliveryTarget {
  readonly url: string;
  readonly sender?: string | undefined;
}

/** Refuses a path that no route is for. */
export const NOT_FOUND: Route = {
  method: 'GET',
  path: '*',
  open: true,
  refuses: true,
  handle() {
    throw new HttpError(404, 'Not Found');
  },
};
