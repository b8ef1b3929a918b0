import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { TOKENS } from '../tokens.ts';
import type { Pace } from '../tokens.ts';

/** How a stream is requested in a protocol, and what its frames of text have in them. */
interface StreamProtocol {
  readonly path: string;
  readonly body: (id: string, message: string) => object;
  /** Beside those of every request. */
  readonly headers?: readonly string[];
  /** Stands once in each frame that has a token, and in no other. */
  readonly mark: string;
  /** How often `mark` stands in the answer for each token; once by default. */
  readonly marks?: number;
}

/** A protocol more is an entry more. */
export const STREAM_PROTOCOLS = {
  jims: {
    path: '/api/v1/chat/stream',
    body: (id, message) => ({ contact_id: id, message, include: ['delta'] }),
    mark: 'event: delta\n',
  },
  'openai-chat': {
    path: '/v1/chat/completions',
    body: (id, message) => ({ model: 'jims', user: id, stream: true, messages: said(message) }),
    mark: '"delta":{"content":" ',
  },
  anthropic: {
    path: '/v1/messages',
    body: (id, message) => ({
      model: 'jims',
      max_tokens: 1000,
      metadata: { user_id: id },
      stream: true,
      messages: said(message),
    }),
    mark: 'event: content_block_delta\n',
  },
  'openai-responses': {
    path: '/v1/responses',
    body: (id, message) => ({ model: 'jims', user: id, stream: true, input: message }),
    mark: 'event: response.output_text.delta\n',
  },
  'ai-sdk': {
    path: '/ai-sdk/chat',
    body: (id, text) => ({
      id,
      messages: [{ id: 'u', role: 'user', parts: [{ type: 'text', text }] }],
    }),
    mark: '"type":"text-delta"',
  },
  'ag-ui': {
    path: '/ag-ui',
    body: (id, message) => ({
      threadId: id,
      runId: 'r',
      messages: [{ id: 'u', ...said(message)[0] }],
      state: {},
      tools: [],
      context: [],
      forwardedProps: {},
    }),
    mark: '"type":"TEXT_MESSAGE_CONTENT"',
  },
  a2a: {
    path: '/a2a',
    body: (messageId, text) => ({
      jsonrpc: '2.0',
      id: 1,
      method: 'SendStreamingMessage',
      params: { message: { role: 'ROLE_USER', messageId, parts: [{ text }] } },
    }),
    headers: ['a2a-version: 1.0'],
    mark: '"artifactUpdate"',
  },
  // It sends progress a few times a second, and all of the text in the end: as content, and twice as JSON.
  mcp: {
    path: '/mcp',
    body: (id, message) => ({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name: 'chat',
        arguments: { message, contact_id: id },
        _meta: {
          progressToken: 1,
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    }),
    headers: [
      'mcp-protocol-version: 2026-07-28',
      'mcp-method: tools/call',
      'mcp-name: chat',
      'accept: application/json, text/event-stream',
    ],
    mark: ' token',
    marks: 3,
  },
  'deep-chat': {
    path: '/deep-chat/stream',
    body: (id, text) => ({ contact_id: id, messages: [{ text }] }),
    mark: 'data: {"text":',
  },
} as const satisfies Readonly<Record<string, StreamProtocol>>;

export type StreamProtocolName = keyof typeof STREAM_PROTOCOLS;

export interface StreamLoad {
  readonly port: number;
  readonly protocol: StreamProtocolName;
  readonly pace: Pace;
  readonly connections: number;
  /** No stream begins after so long. */
  readonly seconds: number;
}

/** Streams do not begin in the same millisecond, as people do not. */
const SPREAD_MS = 10;
const SILENCE_MS = 60_000;

/** Reads streams one after the other on each of many connections; resolves with how many tokens came. */
export async function readStreams(load: StreamLoad): Promise<number> {
  const until = performance.now() + load.seconds * 1000;
  let streams = 0;
  await Promise.all(
    Array.from({ length: load.connections }, async (_, index) => {
      await sleep(index % SPREAD_MS);
      do {
        await readStream(load);
        streams++;
      } while (performance.now() < until);
    }),
  );
  return streams * TOKENS[load.pace];
}

/** Rejects when not every token came in a frame of its own. */
async function readStream({ port, protocol, pace }: StreamLoad): Promise<void> {
  const { path, headers = [], body, mark, marks = 1 }: StreamProtocol = STREAM_PROTOCOLS[protocol];
  const text = JSON.stringify(body(crypto.randomUUID(), pace));
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const chunks: string[] = [];
  socket
    .setEncoding('latin1')
    .setTimeout(SILENCE_MS, () => socket.destroy(new Error('a stream is silent')))
    .on('data', (chunk: string) => chunks.push(chunk))
    .write(
      `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n` +
        headers.map((header) => `${header}\r\n`).join('') +
        `content-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
    );
  await once(socket, 'close');
  const received = unchunked(chunks.join(''));
  const tokens = (received.split(mark).length - 1) / marks;
  if (tokens !== TOKENS[pace])
    throw new Error(
      `${TOKENS[pace]} tokens were expected, not ${tokens}: ${received.slice(0, 999)}`,
    );
}

/** The body of a chunked answer, near enough to count in it: a mark may lie on two chunks. */
function unchunked(text: string): string {
  return text.replaceAll(/\r\n[0-9a-f]+\r\n/g, '');
}

function said(content: string): readonly [{ readonly role: 'user'; readonly content: string }] {
  return [{ role: 'user', content }];
}
