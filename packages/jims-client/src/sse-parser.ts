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
  readonly id?: string;
}

/** Longer ones are a fault of the sender, and would fill the memory. */
const MAX_EVENT_CHARS = 64 * 1024 * 1024;

/**
 * Parses a stream of Server-Sent Events as the HTML standard has it. The function that it returns takes the
 * text in pieces that may end anywhere, and throws a RangeError for an event that does not end. What no
 * empty line ends is not an event: the connection broke off in it.
 *
 * @example
 * const parse = sseParser({ onMessage: ({ event, data }) => console.log(event, data) });
 * parse('event: status\ndata: {}\n\n');
 */
export function sseParser({
  onMessage,
  onRetry,
  id = '',
}: SseParserOptions): (piece: string) => void {
  const lineEnd = /\r\n?|\n/g;
  let rest = '';
  /** What is left out at the beginning of a piece: the mark of UTF-8, or the other half of a CRLF. */
  let skipped = '\uFEFF';
  let event = '';
  let data: string | undefined;

  function end(): void {
    if (data !== undefined) onMessage({ id, event: event || 'message', data });
    event = '';
    data = undefined;
  }

  function field(line: string): void {
    // A line that begins with a colon is a comment: a field without a name.
    const [name = ''] = line.split(':', 1);
    const value = line.slice(name.length).replace(/^: ?/, '');
    if (name === 'data') data = data === undefined ? value : `${data}\n${value}`;
    else if (name === 'event') event = value;
    else if (name === 'id' && !value.includes('\0')) id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) onRetry?.(Number(value));
  }

  return (piece) => {
    if (piece === '') return;
    lineEnd.lastIndex = rest.length;
    const text = rest + (piece.startsWith(skipped) ? piece.slice(skipped.length) : piece);
    skipped = '';
    let from = 0;
    for (let found; (found = lineEnd.exec(text)); from = lineEnd.lastIndex) {
      if (found.index > from) field(text.slice(from, found.index));
      else end();
      if (found[0] === '\r' && lineEnd.lastIndex === text.length) skipped = '\n';
    }
    rest = text.slice(from);
    if (rest.length + (data?.length ?? 0) > MAX_EVENT_CHARS) {
      throw new RangeError('An event of the stream does not end');
    }
  };
}
