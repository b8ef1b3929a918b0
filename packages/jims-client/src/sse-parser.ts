import { notOfService } from './errors.ts';

/** A Server-Sent Event. */
export interface SseMessage {
  /** The last id of the stream so far; empty before the first one. */
  readonly id: string;
  /** `message` when the event has no name. */
  readonly event: string;
  readonly data: string;
}

/** Longer lines are a fault of the sender, and would fill the memory. */
const MAX_LINE_CHARS = 64 * 1024 * 1024;

/**
 * Parses a stream of Server-Sent Events as the service writes them: lines end with a line feed, and the data of an
 * event is one line. The function that it returns takes the text in pieces that may end anywhere, and returns the
 * events that end in a piece; it throws for a line that does not end. What no empty line ends is not
 * an event: the connection broke off in it.
 *
 * @param id The last id of an earlier connection.
 * @example
 * const parse = sseParser();
 * parse('event: status\ndata: {}\n\n'); // [{ id: '', event: 'status', data: '{}' }]
 */
export function sseParser(id = ''): (piece: string) => readonly SseMessage[] {
  let line = '';
  let event: Partial<SseMessage> = {};
  return (piece) => {
    const messages: SseMessage[] = [];
    const [first = '', ...lines] = piece.split('\n');
    line += first;
    for (const next of lines) {
      const [, name, value] = /^(id|event|data): ?(.*)/.exec(line) ?? [];
      if (name !== undefined) event = { ...event, [name]: value };
      if (line === '') {
        ({ id = id } = event);
        if (event.data !== undefined) messages.push({ event: 'message', data: event.data, ...event, id });
        event = {};
      }
      line = next;
    }
    if (line.length > MAX_LINE_CHARS) throw notOfService();
    return messages;
  };
}
