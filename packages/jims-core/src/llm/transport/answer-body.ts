import type { IncomingMessage } from 'node:http';
import { Readable, pipeline } from 'node:stream';
import type { Transform } from 'node:stream';
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from 'node:zlib';

import {
  BrokenAnswerError,
  ProviderReportError,
  UnexpectedAnswerError,
} from '../failures/errors.ts';
import { errorInAnswer } from '../failures/reported-error.ts';
import { parsedJson } from '../foreign-json.ts';
import type { Exchange } from './exchange.ts';

/** How much of a body that is not a stream of events is read to find an error in it. */
const MAX_OTHER_BYTES = 1024 * 1024;
/** How many of the last characters are kept to find the mark of the end. */
const TAIL_CHARS = 64;
const DONE = /data:[ \t]*\[DONE\]\s*$/;
/** White space, and the bytes of a byte order mark. */
const SKIPPED: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20, 0xef, 0xbb, 0xbf]);
/** The first bytes of a stream of events. */
const EVENTS = /^(?::|dat|eve|id|ret|err)/;
const FIRST_BYTES = 3;
/** An error in a line of its own, outside of any event. Readers of events skip such a line. */
const STRAY_ERROR = /^(?:error:[ \t]*|(?=\{"error"))(.+)/;
/** How much of an incomplete line is kept. */
const MAX_LINE_CHARS = 4000;

type Chunks = AsyncGenerator<Uint8Array, undefined, void>;

/**
 * The body of an answer as a stream.
 *
 * @throws ProviderReportError or UnexpectedAnswerError when a stream of events was requested and
 * something else came, such as JSON or an HTML page, in which a reader of events would find nothing.
 */
export async function readAsStream(
  message: IncomingMessage,
  exchange: Exchange | undefined,
): Promise<ReadableStream<Uint8Array>> {
  // The reader gets the error. Without a listener an earlier one would end the process.
  message.on('error', () => {});
  const chunks = chunksOf(message, exchange);
  const read: Uint8Array[] = [];
  if (exchange?.streamed && (message.statusCode ?? 0) < 300) {
    const beginning = await beginningOf(chunks);
    read.push(...beginning.chunks);
    if (beginning.text !== '' && !EVENTS.test(beginning.text)) {
      throw notEvents(message, await restOf(chunks, read));
    }
  }
  return new ReadableStream({
    async pull(controller) {
      const value = read.shift() ?? (await chunks.next()).value;
      if (value === undefined) controller.close();
      else controller.enqueue(value);
    },
    cancel() {
      message.destroy();
    },
  });
}

/** The bytes of the body, decompressed. Keeps the exchange up to date. */
async function* chunksOf(message: IncomingMessage, exchange: Exchange | undefined): Chunks {
  let tail = '';
  let line = '';
  for await (const chunk of decompressed(message, arriving(message, exchange))) {
    if (exchange?.streamed) {
      const text = textOf([chunk]);
      tail = (tail + text.slice(-TAIL_CHARS)).slice(-TAIL_CHARS);
      line = refuseStrayErrors(line + text);
    }
    yield chunk;
  }
  if (exchange && DONE.test(tail)) exchange.done = true;
  return undefined;
}

/** Throws the error that a line of its own reports. Returns the last, incomplete line. */
function refuseStrayErrors(text: string): string {
  const lines = text.split('\n');
  const rest = lines.pop() ?? '';
  for (const line of lines) {
    const words = STRAY_ERROR.exec(line)?.[1];
    if (words === undefined) continue;
    const json = parsedJson(words);
    const error = errorInAnswer(json) ?? errorInAnswer({ error: json ?? words });
    if (error) throw new ProviderReportError(error);
  }
  return rest.slice(0, MAX_LINE_CHARS);
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

/** Some servers compress although the request asks them not to. */
function decompressed(
  { headers }: IncomingMessage,
  bytes: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  const encodings = (headers['content-encoding'] ?? '').toLowerCase().split(',');
  const decoders = encodings.map((each) => each.trim()).filter((each) => DECODED.has(each));
  // The encodings are in the order in which they were applied.
  return decoders.reduceRight((from, encoding) => decompressedWith(from, encoding), bytes);
}

const DECODED: ReadonlySet<string> = new Set(['gzip', 'x-gzip', 'deflate', 'br', 'zstd']);

async function* decompressedWith(
  bytes: AsyncIterable<Uint8Array>,
  encoding: string,
): AsyncGenerator<Uint8Array, void, void> {
  const decoder = decoderOf(encoding);
  // The reader of the decoder gets the error.
  pipeline(Readable.from(bytes), decoder, () => {});
  try {
    yield* decoder;
  } catch (error) {
    if (!isDecodingError(error)) throw error;
    throw new BrokenAnswerError(
      `the answer is compressed with ${encoding} and cannot be decompressed`,
    );
  }
}

function isDecodingError(error: unknown): boolean {
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

interface Beginning {
  /** The first bytes after white space. */
  readonly text: string;
  /** All that was read. */
  readonly chunks: readonly Uint8Array[];
}

async function beginningOf(from: Chunks): Promise<Beginning> {
  const chunks: Uint8Array[] = [];
  const first: number[] = [];
  while (first.length < FIRST_BYTES) {
    const { value } = await from.next();
    if (value === undefined) break;
    chunks.push(value);
    for (const byte of value) {
      if (first.length === 0 && SKIPPED.has(byte)) continue;
      if (first.push(byte) === FIRST_BYTES) break;
    }
  }
  return { text: String.fromCodePoint(...first), chunks };
}

async function restOf(from: Chunks, read: readonly Uint8Array[]): Promise<string> {
  const chunks = [...read];
  let size = 0;
  for await (const chunk of from) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_OTHER_BYTES) break;
  }
  return textOf(chunks);
}

function notEvents({ headers }: IncomingMessage, text: string): Error {
  const error = errorInAnswer(parsedJson(text.trim()));
  if (error) return new ProviderReportError(error);
  return new UnexpectedAnswerError(headers['content-type'], 'a stream of events');
}

function textOf(bytes: readonly Uint8Array[]): string {
  return Buffer.concat(bytes).toString();
}
