import type { Text } from '../fastapi/json-pieces.ts';

const NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const LINE_BREAK = /\r\n|[\r\n]/g;
/** What is made of a large frame at a time. */
const CHUNK_CHARS = 16 * 1024;

/** One Server-Sent Event; `data` is text, encoded as its protocol wants it. */
export interface SseFrame {
  readonly id?: string | number;
  readonly event?: string;
  readonly data: Text;
}

/** The text of a frame. Throws a TypeError for an id or event name that is not a plain word. */
export function sseFrame(frame: SseFrame): string {
  return [...framePieces(frame)].join('');
}

/** The text of frames, a chunk at a time: of a large frame no more is made than is taken. */
export class SseText {
  readonly #frames: AsyncIterator<SseFrame>;
  #frame: Iterator<string> | undefined;

  constructor(frames: AsyncIterable<SseFrame>) {
    this.#frames = frames[Symbol.asyncIterator]();
  }

  /** Resolves with nothing at the end; rejects as the frames do, and for a frame that cannot be written. */
  next(): Promise<string | undefined> {
    const rest = this.#chunk();
    return rest === '' ? this.#frames.next().then(this.#begin) : Promise.resolve(rest);
  }

  /** Not waited for: an iterator that waits for its next frame is told only after that. */
  letGo(): void {
    this.#frames.return?.().catch(() => {});
  }

  readonly #begin = ({ done, value }: IteratorResult<SseFrame>): string | undefined => {
    if (done) return undefined;
    if (typeof value.data === 'string') return sseFrame(value);
    this.#frame = framePieces(value);
    return this.#chunk();
  };

  /** Empty when there is no frame, or nothing left of it. */
  #chunk(): string {
    let chunk = '';
    while (this.#frame && chunk.length < CHUNK_CHARS) {
      const { done, value } = this.#frame.next();
      if (done) this.#frame = undefined;
      else chunk += value;
    }
    return chunk;
  }
}

function* framePieces({ id, event, data }: SseFrame): Generator<string> {
  const idLine = id === undefined ? '' : `id: ${requireName(String(id))}\n`;
  const eventLine = event === undefined ? '' : `event: ${requireName(event)}\n`;
  yield `${idLine}${eventLine}data: `;
  if (typeof data === 'string') yield inLines(data);
  else for (const piece of data) yield inLines(piece);
  yield '\n\n';
}

function inLines(text: string): string {
  return /[\r\n]/.test(text) ? text.replaceAll(LINE_BREAK, '\ndata: ') : text;
}

function requireName(name: string): string {
  if (NAME.test(name)) return name;
  throw new TypeError(`An id or event name of a stream must match ${NAME}`);
}
