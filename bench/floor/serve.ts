import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What a floor program reads of a request. */
export interface Question {
  readonly contactId: string;
  readonly message: string;
}

/** What it answers. */
export interface Answer {
  readonly threadId: string;
  readonly created: boolean;
  readonly text: string;
}

/**
 * The least HTTP there can be: reads a body, parses it, answers in the form of `POST /api/v1/chat`.
 * No validation, no limits, no ids of requests, no logs.
 */
export function serveFloor(port: number, answer: (question: Question) => Promise<Answer>): void {
  const server = createServer((request, response) => {
    if (request.method === 'GET') return send(response, 200, '{"status":"ok"}');
    let text = '';
    request
      .setEncoding('utf8')
      .on('data', (chunk: string) => (text += chunk))
      .on('end', () => void reply(request, response, text));
  });

  async function reply(_: IncomingMessage, response: ServerResponse, text: string): Promise<void> {
    try {
      const { contact_id, message } = JSON.parse(text) as { contact_id: string; message: string };
      send(response, 200, JSON.stringify(toBody(await answer({ contactId: contact_id, message }))));
    } catch (error) {
      console.error(error);
      send(response, 500, '{"detail":"Internal Server Error"}');
    }
  }

  server.listen(port, '127.0.0.1');
  process.on('SIGTERM', () => process.exit(0));
}

function toBody({ threadId, created, text }: Answer): object {
  return {
    thread_id: threadId,
    created_new_thread: created,
    assistant_messages: [text],
    events: [
      { event_type: 'comm.assistant_message', event_data: { role: 'assistant', content: text } },
    ],
  };
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
