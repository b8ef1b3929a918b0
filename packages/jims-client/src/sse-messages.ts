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
const MAX_CHARS = 64_000_000;

/**
 * The Server-Sent Events of a connection, as the service writes them: lines end with a line feed, or with CR LF when
 * something between has changed them. Its text comes in pieces that may end anywhere; events that end in the same
 * piece come together. What no empty line ends is not an event: the connection broke off in it.
 *
 * @param id The last id of an earlier connection.
 * @throws SyntaxError for an event that does not end.
 */
export async function* sseMessages(
  pieces: AsyncIterable<string> | Iterable<string>,
  id = '',
): AsyncGenerator<readonly SseMessage[], void> {
  let rest = '';
  for await (const piece of pieces) {
    rest += piece;
    if (rest.length > MAX_CHARS) throw notOfService();
    // A long line is looked at once, when its end is there.
    if (!piece.includes('\n')) continue;
    const messages: SseMessage[] = [];
    const frames = rest.split(/\r?\n\r?\n/);
    rest = frames.pop() ?? '';
    for (const frame of frames) {
      const lines = frame.split(/\r?\n/);
      const valuesOf = (name: string): readonly string[] =>
        lines.flatMap((line) =>
          line.startsWith(`${name}:`) ? line.slice(name.length + 1).replace(/^ /, '') : [],
        );
      const data = valuesOf('data');
      id = valuesOf('id').at(-1) ?? id;
      const event = valuesOf('event').at(-1) ?? 'message';
      if (data.length > 0) messages.push({ id, event, data: data.join('\n') });
    }
    if (messages.length > 0) yield messages;
  }
}
