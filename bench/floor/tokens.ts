// The least program that streams tokens: bare node:http, nothing stored, one write for each frame.
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';

import { paceOf, tokens } from '../tokens.ts';
import type { Pace } from '../tokens.ts';

const HEADERS = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };

const { values } = parseArgs({ options: { port: { type: 'string' } } });

createServer((request, response) => {
  if (request.method === 'GET') return response.end('{"status":"ok"}');
  let text = '';
  request
    .setEncoding('utf8')
    .on('data', (chunk: string) => (text += chunk))
    .on('end', () => {
      const { message } = JSON.parse(text) as { message: string };
      void stream(response, paceOf(message));
    });
}).listen(Number(values.port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));

/** The frames of `POST /api/v1/chat/stream`, byte for byte but for the ids. */
async function stream(response: ServerResponse, pace: Pace): Promise<void> {
  response.writeHead(200, HEADERS);
  const id = crypto.randomUUID();
  let answer = '';
  let seq = 0;
  for await (const delta of tokens(pace)) {
    answer += delta;
    response.write(
      `id: 1.${++seq}\nevent: delta\ndata: {"message_id": "${id}", "delta": ${JSON.stringify(delta)}}\n\n`,
    );
  }
  const result = JSON.stringify({ thread_id: id, assistant_messages: [answer] });
  response.end(`id: 1.${++seq}\nevent: result\ndata: ${result}\n\n`);
}
