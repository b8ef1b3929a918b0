import type { JimsApp, Logger } from 'jims-core';
import { cleanJson } from 'jims-core/host';

import type { Cors } from './cors.ts';
import { HttpError } from './errors.ts';
import type { Operation } from './operation.ts';
import type { Principal } from './principal.ts';
import type { ReadingTurns } from './reading-turns.ts';
import type { SseResponder } from './sse/response.ts';
import type { Streams } from './sse/stream-limit.ts';

/** What the routes of all protocols work with. */
export interface ApiContext {
  readonly app: JimsApp;
  readonly logger: Logger;
  /** A failing pipeline's own text goes to the client; for development. */
  readonly exposeErrors: boolean;
  /** Any caller may use any thread whose id it knows, as in the original. */
  readonly sharedThreads: boolean;
  /** Patterns of the event types that clients may send, such as `comm.user_*` and `!state.*`. */
  readonly allowedEventTypes: readonly string[];
  readonly maxBodyBytes: number;
  readonly maxMessageBytes: number;
  readonly maxConfigBytes: number;
  readonly heartbeatMs: number;
  readonly streams: Streams;
  readonly turns: ReadingTurns;
  readonly respond: SseResponder;
  /** Whether callers must show who they are. */
  readonly secured: boolean;
  /** Where clients reach the service, when its operator says so: no slash at its end. */
  readonly publicUrl: string | undefined;
  readonly cors: Cors;
}

/** One request, let in. */
export interface Call {
  readonly request: Request;
  /** Of its address, decoded where it is a parameter. */
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
}

/** What is known of a request that is answered with an error. Without a key its body is not to be read. */
export type RefusedCall = Pick<Call, 'request' | 'requestId' | 'headers' | 'path' | 'body'>;

export interface Route {
  readonly method: Operation['method'] | 'OPTIONS';
  readonly path: string;
  /** Needs no key. */
  readonly open?: boolean;
  /** Its refusals are those of the original, word for word. */
  readonly isOriginal?: boolean;
  /** Says whether the service is up and nothing else: balancers ask by any name, or by none. */
  readonly probe?: boolean;
  /** Only refuses: whatever the caller and the host are. */
  readonly refuses?: boolean;
  /** Is about the service and no contact: needs no contact by `requireContactHeader`. */
  readonly contactless?: boolean;
  /** Reads no body: what comes with one that is not JSON is refused, as every page can send that. */
  readonly bodyless?: boolean;
  /** Left out of the OpenAPI document: another route at another path, or what there is not. */
  readonly alias?: boolean;
  /** Answers with an error in the protocol's own form; by default as JIMS's own routes do. */
  readonly encodeError?: (error: HttpError, call: RefusedCall) => Response | Promise<Response>;
  handle(call: Call): Promise<Response> | Response;
}

/** A way that clients speak chat: its routes, and how the OpenAPI document describes them. */
export interface Protocol {
  readonly name: string;
  readonly routes: readonly Route[];
  /** Answers under its prefixes where it has no route; by default as JIMS's own paths do. */
  readonly fallback?: Route;
  readonly operations: readonly Operation[];
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

/** A JSON answer; a protocol may have a media type of its own for its JSON. */
export function json(
  call: Pick<Call, 'headers'>,
  value: unknown,
  status = 200,
  contentType = 'application/json',
): Response {
  const headers = { ...call.headers, 'content-type': contentType };
  return new Response(cleanJson(value), { status, headers });
}
