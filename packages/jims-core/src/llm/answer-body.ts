import type { IncomingMessage } from 'node:http';
import { Readable, pipeline } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

import type { Exchange } from './exchange.ts';
import { parsedJson } from './foreign-json.ts';
import { UnexpectedAnswerError } from './provider-failure.ts';
import { ProviderReportError, errorInAnswer } from './reported-error.ts';

const TAIL = 64;
/** How much is read of something that is not a stream of events, to see what it is. */
const MOST_OF_OTHER = 1024 * 1024;
const DONE = /data:[ \t]*\[DONE\]\s*$/;
/** White space and the bytes of a byte order mark. */
const SKIPPED: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20, 0xef, 0xbb, 0xbf]);
const NOT_EVENTS: ReadonlySet<string> = new Set(['{', '[', '<']);

type Chunks = AsyncGenerator<Uint8Array, undefined, void>;

/**
 * The body of an answer as a stream.
 *
 * @throws ProviderReportError or UnexpectedAnswerError when pieces are wanted and something else came,
 * such as an error as JSON or a page: a reader of events would find it empty.
 */
export async function readAsStream(
  message: IncomingMessage,
  exchange: Exchange | undefined,
): Promise<ReadableStream<Uint8Array>> {
  // What breaks is thrown to the reader; before there is one, it would end the process.
  message.on('error', () => {});
  const chunks = chunksOf(message, exchange);
  const before: Uint8Array[] = [];
  if (exchange?.streamed && (message.statusCode ?? 0) < 300) {
    const first = await firstCharacter(chunks, before);
    if (first !== undefined && NOT_EVENTS.has(first)) {
      throw notEvents(message, await restOf(chunks, before));
    }
  }
  return new ReadableStream({
    async pull(controller) {
      const value = before.shift() ?? (await chunks.next()).value;
      if (value === undefined) controller.close();
      else controller.enqueue(value);
    },
    cancel() {
      message.destroy();
    },
  });
}

/** What arrives, with the exchange kept up to date. */
async function* chunksOf(message: IncomingMessage, exchange: Exchange | undefined): Chunks {
  let tail = '';
  for await (const chunk of decompressed(message, arriving(message, exchange))) {
    if (exchange?.streamed) tail = (tail + textOf([chunk.subarray(-TAIL)])).slice(-TAIL);
    yield chunk;
  }
  if (exchange && DONE.test(tail)) exchange.done = true;
  return undefined;
}

async function* arriving(
  message: AsyncIterable<Uint8Array>,
  exchange: Exchange | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of message) {
    exchange?.alive();
    yield chunk;
  }
}

/** Nothing compressed is accepted; some servers compress all the same. */
function decompressed(
  { headers }: IncomingMessage,
  bytes: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  const decoder = decoderOf(headers['content-encoding']);
  if (!decoder) return bytes;
  // What breaks is thrown to the reader of the decoder.
  pipeline(Readable.from(bytes), decoder, () => {});
  return decoder;
}

function decoderOf(encoding: string | undefined): ReturnType<typeof createGunzip> | undefined {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      return undefined;
  }
}

async function firstCharacter(chunks: Chunks, before: Uint8Array[]): Promise<string | undefined> {
  for (;;) {
    const { value } = await chunks.next();
    if (value === undefined) return undefined;
    before.push(value);
    const first = value.find((byte) => !SKIPPED.has(byte));
    if (first !== undefined) return String.fromCodePoint(first);
  }
}

async function restOf(chunks: Chunks, before: readonly Uint8Array[]): Promise<string> {
  const all = [...before];
  let size = 0;
  for await (const chunk of chunks) {
    all.push(chunk);
    size += chunk.length;
    if (size > MOST_OF_OTHER) break;
  }
  return textOf(all);
}

function notEvents({ headers }: IncomingMessage, text: string): Error {
  const error = errorInAnswer(parsedJson(text.trim()));
  if (error) return new ProviderReportError(error);
  return new UnexpectedAnswerError(headers['content-type'], 'a stream of events');
}

function textOf(bytes: readonly Uint8Array[]): string {
  return Buffer.concat(bytes).toString();
}
