import { framePieces, frameText } from './frame.ts';
import type { SseFrame } from './frame.ts';
import type { ReadyIterable, ReadyIterator } from './ready-iterator.ts';

/** Where the text of frames goes. */
export interface FrameSink {
  /** Returns false when there is no room for more; {@link FrameWriter.resume} is to be called then. */
  write(text: string): boolean;
  /** Writes the last text, which may be empty. */
  end(text: string): void;
  /** The frames broke off. */
  fail(error: unknown): void;
}

/** How much is written at once, of many frames or of a large one. */
const CHUNK_CHARS = 16 * 1024;
/** How many first writes of a stream never wait: nothing delays the first token. */
const PROMPT_WRITES = 4;
/** Frames that come within this time of a write wait for its end, and go together. */
const MOMENT_MS = 2;

/**
 * Writes frames as they come, those of a moment together: most of what a frame costs is its write.
 * Takes frames only while the sink has room, and makes a large one piece by piece.
 */
export class FrameWriter {
  readonly #frames: ReadyIterator<SseFrame>;
  readonly #sink: FrameSink;
  /** What is to be written next. */
  #text = '';
  /** What is left of a large frame. */
  #large: Iterator<string> | undefined;
  #writes = 0;
  #wroteAt = 0;
  #moment: NodeJS.Timeout | undefined;
  #hasRoom = false;
  /** Whether the next frame is waited for. */
  #isWaiting = false;
  #isOver = false;

  constructor(frames: ReadyIterable<SseFrame>, sink: FrameSink) {
    this.#frames = frames[Symbol.asyncIterator]();
    this.#sink = sink;
  }

  /** Begins, or goes on when the sink has room again. */
  resume(): void {
    this.#hasRoom = true;
    this.#go();
  }

  /** Ends the writing, and returns the iterator. */
  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#moment);
    // Nobody waits for this: an iterator that waits for its next frame returns only after that.
    this.#frames.return?.().catch(() => {});
  }

  #go(frame?: SseFrame): void {
    try {
      if (frame) this.#add(frame);
      while (this.#hasRoom && !this.#isOver) {
        this.#collect();
        if (!this.#isDue()) return this.#wait();
        this.#write();
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Adds what is there to the text, as much as one write has. */
  #collect(): void {
    while (this.#text.length < CHUNK_CHARS) {
      if (this.#large) {
        this.#addPieceOf(this.#large);
        continue;
      }
      // While a frame is waited for, none that comes after it may be taken.
      const frame = this.#isWaiting ? undefined : this.#frames.takeReady?.();
      if (!frame) return;
      this.#add(frame);
    }
  }

  #add(frame: SseFrame): void {
    if (typeof frame.data === 'string') this.#text += frameText(frame);
    else this.#large = framePieces(frame);
  }

  #addPieceOf(large: Iterator<string>): void {
    const { done, value } = large.next();
    if (done) this.#large = undefined;
    else this.#text += value;
  }

  #isDue(): boolean {
    if (this.#text === '') return false;
    if (this.#writes < PROMPT_WRITES || this.#text.length >= CHUNK_CHARS) return true;
    return performance.now() - this.#wroteAt >= MOMENT_MS;
  }

  #write(): void {
    this.#writes++;
    this.#wroteAt = performance.now();
    this.#hasRoom = this.#sink.write(this.#taken());
  }

  #taken(): string {
    const text = this.#text;
    this.#text = '';
    clearTimeout(this.#moment);
    this.#moment = undefined;
    return text;
  }

  #wait(): void {
    if (this.#text !== '') this.#moment ??= setTimeout(this.#afterMoment, MOMENT_MS);
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#frames.next().then(this.#take, this.#fail);
  }

  readonly #afterMoment = (): void => {
    this.#write();
    this.#go();
  };

  readonly #take = ({ done, value }: IteratorResult<SseFrame, void>): void => {
    this.#isWaiting = false;
    if (this.#isOver) return;
    if (!done) return this.#go(value);
    this.#isOver = true;
    this.#sink.end(this.#taken());
  };

  readonly #fail = (error: unknown): void => {
    if (this.#isOver) return;
    const text = this.#taken();
    if (text !== '') this.#sink.write(text);
    this.#sink.fail(error);
    this.stop();
  };
}
