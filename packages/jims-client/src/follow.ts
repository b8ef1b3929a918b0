import { connectionLost } from './errors.ts';
import { piecesOf } from './open-answer.ts';
import type { OpenAnswer } from './open-answer.ts';
import { sseMessages } from './sse-messages.ts';
import type { SseMessage } from './sse-messages.ts';
import { nextTry } from './transport.ts';
import type { CallOptions, Transport } from './transport.ts';

/** How to read a stream of the service. */
export interface FollowOptions<T> extends Pick<
  CallOptions,
  'query' | 'signal' | 'tries' | 'onLine'
> {
  /** Connects in another way, where it gives an answer. */
  readonly connect?: () => Promise<OpenAnswer | undefined>;
  /** Goes on after the event with this id. */
  readonly after?: string | undefined;
  /**
   * Gets a message, and the id of the one before it. Throws for what cannot be an event of the service: then the
   * connection is lost.
   */
  readonly parse: (message: SseMessage, before: string) => T;
}

/**
 * Reads a stream through lost connections, until it is left: each is joined again after the last event that came.
 * What arrives together is given together. After `tries` connections in a row that brought nothing it gives up;
 * never by default.
 *
 * @throws JimsApiError for a reason that stays.
 */
export async function* follow<T>(
  transport: Transport,
  path: string,
  options: FollowOptions<T>,
): AsyncGenerator<readonly T[]> {
  const { parse, connect, ...call } = options;
  let { after = '' } = options;
  for (let failures = 0; ; failures++) {
    const headers = { accept: 'text/event-stream', ...(after && { 'last-event-id': after }) };
    try {
      const answer = (await connect?.()) ?? (await transport.open(path, { ...call, headers }));
      for await (const messages of sseMessages(piecesOf(answer), after)) {
        const events = messages.map((each, index) => parse(each, messages[index - 1]?.id ?? after));
        // An id without data moves nothing: the network has cut off its event.
        after = messages.at(-1)?.id ?? after;
        failures = 0;
        yield events;
      }
      // The end was seen before.
      if (answer.response.status === 204) return;
      throw connectionLost();
    } catch (thrown) {
      await nextTry(thrown, failures, { tries: Infinity, ...call });
    }
  }
}
