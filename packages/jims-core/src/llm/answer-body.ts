import type { IncomingMessage } from 'node:http';
import { Readable, pipeline } from 'node:stream';
import type { Transform } from 'node:stream';
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from 'node:zlib';

import type { Exchange } from './exchange.ts';
import { parsedJson } from './foreign-json.ts';
import { BrokenAnswerError, UnexpectedAnswerError } from './provider-failure.ts';
import { ProviderReportError, errorInAnswer } from './reported-error.ts';

const TAIL = 64;
/** How much is read of something that is not a stream of events, to see what it is. */
const MOST_OF_OTHER = 1024 * 1024;
const DONE = /data:[ \t]*\[DONE\]\s*$/;
/** White space and the bytes of a byte order mark. */
const SKIPPED: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20, 0xef, 0xbb, 0xbf]);
/** How a stream of events may begin, as far as the first bytes show it. */
const EVENTS = /^(?::|dat|eve|id|ret|err)/;
const ENOUGH_TO_SEE = 3;
/** A report of an error that stands in no event: readers of events skip such a line. */
const STRAY_ERROR = /^(?:error:[ \t]*|(?=\{"error"))(.+)/;
/** How much of a line is kept to see whether it is one. */
const MOST_OF_LINE = 4000;

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
    const beginning = await beginningOf(chunks, before);
    if (beginning !== '' && !EVENTS.test(beginning)) {
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
  let line = '';
  for await (const chunk of decompressed(message, arriving(message, exchange))) {
    if (exchange?.streamed) {
      const text = textOf([chunk]);
      tail = (tail + text.slice(-TAIL)).slice(-TAIL);
      line = refuseStrayErrors(line + text);
    }
    yield chunk;
  }
  if (exchange && DONE.test(tail)) exchange.done = true;
  return undefined;
}

/** Returns the beginning of the line that has not ended yet. */
function refuseStrayErrors(text: string): string {
  const lines = text.split('\n');
  const rest = lines.pop() ?? '';
  for (const line of lines) {
    const said = STRAY_ERROR.exec(line)?.[1];
    const error =
      said &&
      (errorInAnswer(parsedJson(said)) ?? errorInAnswer({ error: parsedJson(said) ?? said }));
    if (error) throw new ProviderReportError(error);
  }
  return rest.slice(0, MOST_OF_LINE);
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
  const encodings = (headers['content-encoding'] ?? '').toLowerCase().split(',');
  const decoders = encodings.map((each) => each.trim()).filter((each) => DECODED.has(each));
  // The last encoding was put on last.
  return decoders.reduceRight((from, encoding) => unpacked(from, encoding), bytes);
}

const DECODED: ReadonlySet<string> = new Set(['gzip', 'x-gzip', 'deflate', 'br', 'zstd']);

async function* unpacked(
  bytes: AsyncIterable<Uint8Array>,
  encoding: string,
): AsyncGenerator<Uint8Array, void, void> {
  const decoder = decoderOf(encoding);
  // What breaks is thrown to the reader of the decoder.
  pipeline(Readable.from(bytes), decoder, () => {});
  try {
    yield* decoder;
  } catch (error) {
    if (!isOfDecoder(error)) throw error;
    throw new BrokenAnswerError(`the answer came as ${encoding} and cannot be unpacked`);
  }
}

function isOfDecoder(error: unknown): boolean {
  if (!Error.isError(error) || !('code' in error)) return false;
  return /^(?:Z_|ZSTD_|ERR__)/.test(String(error.code));
}

function decoderOf(encoding: string): Transform {
  switch (encoding) {
    case 'br':
      return createBrotliDecompress();
    case 'zstd':
      return createZstdDecompress();
    case 'deflate':
      return createInflate();
    default:
      return createGunzip();
  }
}

/** As much of an answer as shows what it is, without the white space before it. */
async function beginningOf(chunks: Chunks, before: Uint8Array[]): Promise<string> {
  const first: number[] = [];
  while (first.length < ENOUGH_TO_SEE) {
    const { value } = await chunks.next();
    if (value === undefined) break;
    before.push(value);
    for (const byte of value) {
      if (first.length === 0 && SKIPPED.has(byte)) continue;
      if (first.push(byte) === ENOUGH_TO_SEE) break;
    }
  }
  return String.fromCodePoint(...first);
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
