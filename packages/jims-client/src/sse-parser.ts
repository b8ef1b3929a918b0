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
 * Parses a stream of Server-Sent Events as the HTML standard has it, but for lines that end with CR alone. The
 * function that it returns takes the text in pieces that may end anywhere, and throws a RangeError for an event
 * that does not end. What no empty line ends is not an event: the connection broke off in it.
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
  let rest = '';
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
    if (name === 'event') event = value;
    if (name === 'id' && !value.includes('\0')) id = value;
    if (name === 'retry' && /^\d+$/.test(value)) onRetry?.(Number(value));
  }

  return (piece) => {
    rest += piece;
    // A long line may come in many pieces.
    if (piece.includes('\n')) {
      const lines = rest.split(/\r?\n/);
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line === '') end();
        else field(line);
      }
    }
    if (rest.length + (data?.length ?? 0) > MAX_EVENT_CHARS)
      throw new RangeError('An event does not end');
  };
}
