/** A Server-Sent Event. */
export interface SseMessage {
  /** The last id of the stream so far; empty before the first one. */
  readonly id: string;
  /** `message` when the event has no name. */
  readonly event: string;
  readonly data: string;
}

/** What to do with what is parsed. */
export interface SseParserOptions {
  readonly onMessage: (message: SseMessage) => void;
  /** The stream wants this pause, in milliseconds, before it is joined again. */
  readonly onRetry?: (ms: number) => void;
  /** The last id of an earlier connection. */
  readonly lastId?: string;
}

/** Longer ones are a fault of the sender, and would fill the memory. */
const MAX_EVENT_CHARS = 64 * 1024 * 1024;

/**
 * Parses a stream of Server-Sent Events as the HTML standard has it, in pieces that may end anywhere. What
 * is not ended by an empty line is no event: the connection broke off in it.
 *
 * @example
 * const parser = new SseParser({ onMessage: ({ event, data }) => console.log(event, data) });
 * parser.push('event: status\ndata: {}\n\n');
 */
export class SseParser {
  readonly #options: SseParserOptions;
  readonly #lineEnd = /\r\n?|\n/g;
  #line = '';
  #isFirst = true;
  /** The last piece ended with a CR, which may be half of a CRLF. */
  #isAfterCr = false;
  #id: string;
  #event = '';
  #data: string | undefined;
  #lastId: string;

  constructor(options: SseParserOptions) {
    this.#options = options;
    this.#id = this.#lastId = options.lastId ?? '';
  }

  /** The id to join the stream again with. */
  get lastId(): string {
    return this.#lastId;
  }

  /** Takes the next piece. Throws a RangeError for an event that does not end. */
  push(piece: string): void {
    if (piece === '') return;
    const start = this.#line.length;
    let from = 0;
    if (this.#isFirst && piece.startsWith('\uFEFF')) from = 1;
    else if (this.#isAfterCr && piece.startsWith('\n')) from = 1;
    this.#isFirst = this.#isAfterCr = false;
    const text = this.#line + piece.slice(from);
    from = 0;
    this.#lineEnd.lastIndex = start;
    for (let end; (end = this.#lineEnd.exec(text)); from = this.#lineEnd.lastIndex) {
      this.#take(text.slice(from, end.index));
      this.#isAfterCr = end[0] === '\r' && this.#lineEnd.lastIndex === text.length;
    }
    this.#line = text.slice(from);
    if (this.#line.length + (this.#data?.length ?? 0) > MAX_EVENT_CHARS) {
      throw new RangeError('An event of the stream does not end');
    }
  }

  #take(line: string): void {
    if (line === '') return this.#end();
    const colon = line.indexOf(':');
    if (colon < 0) return this.#field(line, '');
    const from = line[colon + 1] === ' ' ? colon + 2 : colon + 1;
    // A line that begins with a colon is a comment: a field without a name.
    this.#field(line.slice(0, colon), line.slice(from));
  }

  #field(name: string, value: string): void {
    if (name === 'data') this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    else if (name === 'event') this.#event = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) this.#options.onRetry?.(Number(value));
  }

  #end(): void {
    const message = { id: this.#id, event: this.#event || 'message', data: this.#data };
    this.#lastId = this.#id;
    this.#event = '';
    this.#data = undefined;
    const { data } = message;
    if (data !== undefined) this.#options.onMessage({ ...message, data });
  }
}
