import { inBlocks } from './body-blocks.ts';
import { HttpError } from './errors.ts';

/** Where files are sent. */
export const FILES_PATH = '/api/v1/files';
/** The longest time that a file may take, in milliseconds. */
export const UPLOAD_MS: number = 15 * 60_000;

export interface BodyTimes {
  /** The longest wait for the next piece, in milliseconds. */
  readonly pieceMs: number;
  /** The longest wait for all of it. */
  readonly wholeMs: number;
}

/**
 * The body of a request, in blocks, as fast as they are taken: no more is read ahead.
 *
 * @throws HttpError 408 when its client sends nothing for too long, or takes too long altogether.
 */
export function timedBody(
  body: ReadableStream<Uint8Array> | null,
  times: BodyTimes,
): AsyncGenerator<Uint8Array, void, void> {
  return inBlocks(timedPieces(body, times));
}

async function* timedPieces(
  body: ReadableStream<Uint8Array> | null,
  { pieceMs, wholeMs }: BodyTimes,
): AsyncGenerator<Uint8Array, void, void> {
  if (!body) return;
  const reader = body.getReader();
  const latest = performance.now() + wholeMs;
  let isLate = false;
  let isReading = false;
  const timer = setTimeout(() => {
    // What takes time while nothing is read is not the client.
    if (isReading) cut();
  }, pieceMs);
  const cut = (): void => {
    isLate = true;
    void reader.cancel().catch(() => {});
  };
  try {
    for (;;) {
      timer.refresh();
      isReading = true;
      const { done, value } = await reader.read();
      isReading = false;
      if (performance.now() > latest) cut();
      if (isLate) throw tooSlow();
      if (done) return;
      yield value;
    }
  } finally {
    clearTimeout(timer);
    await reader.cancel().catch(() => {});
  }
}

function tooSlow(): HttpError {
  return new HttpError(408, 'The request took too long to arrive', { code: 'body_too_slow' });
}
