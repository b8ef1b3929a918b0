import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import { RequestError } from '@hono/node-server';
import type { Logger, Metrics } from 'jims-core';
import { describeError } from 'jims-core/host';

import { errorBody } from '../../http/error-response.ts';
import { HttpError, addressInvalid } from '../../http/errors.ts';
import { FILES_PATH, UPLOAD_MS } from '../../http/timed-body.ts';

const TOO_SLOW = 'ERR_HTTP_REQUEST_TIMEOUT';

/** What is said of them. */
interface UnreadableLog {
  readonly logger: Logger;
  readonly metrics: Metrics;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What Node refuses before there is a request, by the code of its error. */
const REFUSALS: Readonly<
  Record<string, readonly [status: number, reason: string, detail: string]>
> = {
  [TOO_SLOW]: [408, 'Request Timeout', 'The request took too long to arrive'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'The headers are too large'],
};
const NOT_HTTP = [400, 'Bad Request', 'This is not a valid HTTP request'] as const;

/**
 * Answers requests that Node's own server cannot read the way every other error is answered: with a JSON
 * body and a request id that is in the log. Node by itself sends an empty answer.
 */
export function answerUnreadable(server: Server, { logger, metrics }: UnreadableLog): void {
  const latest = new WeakMap<Duplex, Exchange>();
  server.on('request', (request, response) => {
    latest.set(request.socket, { request, response });
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const { request, response } = latest.get(socket) ?? {};
    if (error.code === TOO_SLOW && isUpload(request, response)) {
      boundUpload(socket);
      return;
    }
    const isAnswering = response?.headersSent === true && !response.writableFinished;
    if (!socket.writable || isAnswering || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const [status, reason, detail] = REFUSALS[error.code ?? ''] ?? NOT_HTTP;
    const requestId = randomUUID();
    metrics.countRefusal('unreadable');
    const body = JSON.stringify(errorBody(new HttpError(status, detail, { code: 'unreadable' })));
    logger.info({ requestId, status, code: error.code }, 'request could not be read');
    socket.end(
      [
        `HTTP/1.1 ${status} ${reason}`,
        'connection: close',
        'content-type: application/json',
        `content-length: ${Buffer.byteLength(body)}`,
        `x-request-id: ${requestId}`,
        '',
        body,
      ].join('\r\n'),
    );
  });
}

/** Answers a request whose handler threw, or that no handler gets as it cannot be read. */
export function unanswered(log: UnreadableLog, error: unknown): Response {
  if (error instanceof RequestError) return unreadableRequest(log);
  const requestId = randomUUID();
  const status = 500;
  log.logger.error({ requestId, status, error: describeError(error) }, 'request was not answered');
  const body = errorBody(new HttpError(status, 'Internal Server Error'));
  return Response.json(body, { status, headers: { 'x-request-id': requestId } });
}

/** Answers a request whose address or `Host` header is not valid: no route can be found for it. */
export function unreadableRequest({ logger, metrics }: UnreadableLog): Response {
  const requestId = randomUUID();
  const refusal = addressInvalid();
  const { status } = refusal;
  metrics.countRefusal('address_invalid');
  logger.info({ requestId, status }, 'request could not be read');
  return Response.json(errorBody(refusal), { status, headers: { 'x-request-id': requestId } });
}

/**
 * Whether a request is a file that is still being read. Files may take longer than other requests: those
 * who read them look after the time between two pieces.
 */
function isUpload(
  request: IncomingMessage | undefined,
  response: ServerResponse | undefined,
): boolean {
  if (request?.method !== 'POST' || response?.headersSent === true) return false;
  return isFilesPath(request.url ?? '');
}

/** Cuts a connection after the longest time that a file may take, whatever it is doing then. */
function boundUpload(socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), UPLOAD_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

function isFilesPath(url: string): boolean {
  return url.startsWith(FILES_PATH) && /^(?:\/?$|\/?\?)/.test(url.slice(FILES_PATH.length));
}
