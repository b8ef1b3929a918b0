// A server that gets what is sent to it, on loopback.
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

import { localPort } from '../../../jims-core/test/support/local-port.ts';

/** A request that arrived. */
export interface Arrived {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface WebhookReceiver extends AsyncDisposable {
  readonly port: number;
  /** Its address, by a name that is allowed exactly. */
  readonly url: string;
  /** All that arrived so far. */
  readonly arrived: readonly Arrived[];
  /** Resolves with the first `count` requests, when there are as many. */
  first(count: number): Promise<readonly Arrived[]>;
}

type Reply = (answer: ServerResponse, request: Arrived, number: number) => void;

/** Answers with 204, or as the test says; `number` counts the requests from 1 on. */
export async function webhookReceiver(
  reply: Reply = (answer) => answer.writeHead(204).end(),
): Promise<WebhookReceiver> {
  const arrived: Arrived[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((request, answer) => {
    void text(request).then((body) => {
      const { method, url: path, headers } = request;
      const one = { method, path, headers, body };
      arrived.push(one);
      for (const look of waiting) look();
      reply(answer, one, arrived.length);
    });
  });
  const port = await localPort(server);
  return {
    port,
    url: `http://localhost:${port}/hook`,
    arrived,
    first: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (arrived.length < count) return;
          waiting.delete(look);
          resolve(arrived.slice(0, count));
        };
        waiting.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
