import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** One keep-alive connection, one request at a time. */
export interface HttpConnection {
  /** Rejects when the connection breaks, or is silent for 30 s. */
  post(path: string, body: string, headers?: readonly string[]): Promise<HttpAnswer>;
  /** As `post`. */
  get(path: string): Promise<HttpAnswer>;
  close(): void;
}

const SILENCE_MS = 30_000;

/**
 * HTTP/1.1 on a bare socket, for ASCII bodies. `node:http` as a client costs four times as much CPU a
 * request, which would be taken from the server that is measured.
 */
export async function openHttpConnection(port: number): Promise<HttpConnection> {
  let socket = await openSocket(port);

  async function send(request: string): Promise<HttpAnswer> {
    if (socket.destroyed) socket = await openSocket(port);
    const answer = readAnswer(socket);
    socket.write(request);
    return answer;
  }

  return {
    post: (path, body, headers = []) =>
      send(
        `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/json\r\n` +
          headers.map((header) => `${header}\r\n`).join('') +
          `content-length: ${body.length}\r\n\r\n${body}`,
      ),
    get: (path) => send(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`),
    close: () => socket.destroy(),
  };
}

async function openSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('latin1').setTimeout(SILENCE_MS);
  await once(socket, 'connect');
  return socket;
}

function readAnswer(socket: Socket): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let received = '';
    function settle(outcome: () => void): void {
      socket.off('data', onData).off('error', fail).off('close', onClose).off('timeout', onTimeout);
      outcome();
    }
    const fail = (error: Error): void => settle(() => reject(error));
    const onClose = (): void => fail(new Error('the server closed the connection'));
    const onTimeout = (): void => {
      socket.destroy();
      fail(new Error('no answer in time'));
    };
    function onData(chunk: string): void {
      received += chunk;
      const answer = parseAnswer(received);
      if (!answer) return;
      if (/\r\nconnection: close\r\n/i.test(received)) socket.destroy();
      settle(() => resolve(answer));
    }
    socket.on('data', onData).on('error', fail).on('close', onClose).on('timeout', onTimeout);
  });
}

/** `undefined` while there is not all of it. */
function parseAnswer(text: string): HttpAnswer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const status = Number(text.slice(9, 12));
  const rest = text.slice(end + 4);
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1];
  const body = length === undefined ? fromChunks(rest) : whole(rest, Number(length));
  return body === undefined ? undefined : { status, body };
}

function whole(text: string, length: number): string | undefined {
  return text.length < length ? undefined : text;
}

function fromChunks(text: string): string | undefined {
  let body = '';
  for (let at = 0; ;) {
    const start = text.indexOf('\r\n', at) + 2;
    if (start < 2) return undefined;
    const size = Number.parseInt(text.slice(at, start), 16);
    if (size === 0) return text.endsWith('\r\n\r\n') ? body : undefined;
    body += text.slice(start, start + size);
    at = start + size + 2;
  }
}
