import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';

import { localPort } from '../../../jims-core/test/support/local-port.ts';

export interface Sink extends AsyncDisposable {
  readonly origin: string;
  readonly requests: readonly { readonly path: string; readonly body: string }[];
}

/** A server that takes everything it is sent, as collectors do, and answers with a status, or never. */
export async function startSink(answer: number | 'never' = 200): Promise<Sink> {
  const requests: { path: string; body: string }[] = [];
  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const raw = Buffer.concat(chunks);
    const zipped = request.headers['content-encoding'] === 'gzip';
    requests.push({ path: request.url ?? '', body: String(zipped ? gunzipSync(raw) : raw) });
    if (answer === 'never') return;
    response.writeHead(answer, { 'content-type': 'application/json' }).end('{}');
  }
  const server = createServer((request, response) => void take(request, response));
  const port = await localPort(server);
  return {
    origin: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
