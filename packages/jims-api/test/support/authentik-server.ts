import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';

import { localPort } from '../../../jims-core/test/support/local-port.ts';

/** What Authentik says about one token: JSON or text, after `hold`; `drop` cuts the connection instead. */
export interface AuthentikReply {
  readonly status?: number;
  readonly json?: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly hold?: Promise<unknown>;
  readonly drop?: boolean;
}

export interface AuthentikQuestion {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly authorization: string | undefined;
}

const USERINFO = '/application/o/userinfo/';
const UNKNOWN_TOKEN: AuthentikReply = { status: 403, json: { detail: 'Token invalid/expired' } };

type Replies = Readonly<Record<string, AuthentikReply>>;

/** A stand-in for Authentik on a real port: answers by token and remembers every question. */
export class AuthentikServer implements AsyncDisposable {
  readonly questions: AuthentikQuestion[] = [];
  readonly replies: Map<string, AuthentikReply>;
  /** Replies to requests for a token's user. */
  readonly users: Map<string, AuthentikReply>;
  /** The largest number of questions that waited for their answers at the same time. */
  mostAtOnce = 0;
  #waiting = 0;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #port = 0;

  private constructor(replies: Replies, users: Replies) {
    this.replies = new Map(Object.entries(replies));
    this.users = new Map(Object.entries(users));
  }

  static async start(replies: Replies = {}, users: Replies = {}): Promise<AuthentikServer> {
    const authentik = new AuthentikServer(replies, users);
    authentik.#port = await localPort(authentik.#server);
    return authentik;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Resolves when so many questions have arrived in all. */
  async asked(count: number): Promise<void> {
    while (this.questions.length < count) await once(this.#server, 'request');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authorization } = request.headers;
    this.questions.push({ method: request.method, path: request.url, authorization });
    this.#waiting += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#waiting);
    const replies = request.url?.endsWith(USERINFO) ? this.users : this.replies;
    const reply = replies.get(authorization?.replace(/^Bearer /, '') ?? '') ?? UNKNOWN_TOKEN;
    await reply.hold;
    this.#waiting -= 1;
    if (reply.drop) {
      request.socket.destroy();
      return;
    }
    response.writeHead(reply.status ?? 200, { ...reply.headers });
    response.end(reply.text ?? JSON.stringify(reply.json));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
