/** A Server-Sent Event. */
export interface SseMessage {
  /** The last id of the stream so far; empty before the first one. */
  readonly id: string;
  /** `message` when the event has no name. */
  readonly event: string;
  readonly data: string;
}

/** Longer ones are a fault of the sender, and would fill the memory. */
const MAX_EVENT_CHARS = 64 * 1024 * 1024;

/**
 * Parses a stream of Server-Sent Events as the HTML standard has it, but for `retry`, which the service does not
 * send. The function that it returns takes the text in pieces that may end anywhere, and returns the events that
 * end in a piece; it throws a RangeError for an event that does not end. What no empty line ends is not an event:
 * the connection broke off in it.
 *
 * @param id The last id of an earlier connection.
 * @example
 * const parse = sseParser();
 * parse('event: status\ndata: {}\n\n'); // [{ id: '', event: 'status', data: '{}' }]
 */
export function sseParser(id = ''): (piece: string) => readonly SseMessage[] {
  let rest = '';
  let event = '';
  let data: string | undefined;
  /** Whether a line feed that comes now belongs to the end of the last line. */
  let isAfterReturn = false;

  function field(line: string): void {
    // A line that begins with a colon is a comment: a field without a name.
    const [, name, value = ''] = /^([^:]*):? ?(.*)/s.exec(line) ?? [];
    if (name === 'data') data = data === undefined ? value : `${data}\n${value}`;
    if (name === 'event') event = value;
    if (name === 'id' && !value.includes('\0')) id = value;
  }

  return (piece) => {
    const messages: SseMessage[] = [];
    const [first = '', ...lines] = piece.replace(isAfterReturn ? /^\n/ : '', '').split(/\r\n?|\n/);
    isAfterReturn = piece === '' ? isAfterReturn : piece.endsWith('\r');
    rest += first;
    for (const next of lines) {
      field(rest);
      if (rest === '') {
        if (data !== undefined) messages.push({ id, event: event || 'message', data });
        event = '';
        data = undefined;
      }
      rest = next;
    }
    if (rest.length + (data?.length ?? 0) > MAX_EVENT_CHARS)
      throw new RangeError('An event does not end');
    return messages;
  };
}
