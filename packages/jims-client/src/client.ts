import type { Chat, OpenChatOptions } from './chat.ts';
import { notOfService } from './errors.ts';
import { follow } from './follow.ts';
import { LiveChat } from './live-chat.ts';
import { chatRequest, newKey } from './message-options.ts';
import type { MessageOptions } from './message-options.ts';
import { filesOf, runsOf } from './resources.ts';
import type { JimsFiles, JimsRuns } from './resources.ts';
import { CHAT_INCLUDES, errorOfEnd, followRun, openRun } from './run-stream.ts';
import type { OpenRun } from './run-stream.ts';
import type { SseMessage } from './sse-messages.ts';
import { threadsOf } from './threads.ts';
import type { JimsThreads } from './threads.ts';
import { Transport } from './transport.ts';
import type { CallOptions, JimsClientOptions } from './transport.ts';
import type { ChatAnswer, StreamEvent } from './wire.ts';

/** How a message is sent, and waited for. */
export interface StreamOptions extends MessageOptions {
  /** The same key with the same message is the same run, for a day; default: a new one. */
  readonly idempotencyKey?: string;
  /** Ends the waiting. The run goes on. */
  readonly signal?: AbortSignal;
}

/** After so many connections in a row that brought nothing a call gives up. */
const TRIES = 12;

/**
 * A JIMS service. What it cannot do at once it tries again, and what is sent twice happens once. All methods
 * reject with a `JimsApiError`.
 *
 * @example
 * const jims = new JimsClient({ url: 'https://chat.example', token: () => session.token() });
 * const { assistant_messages } = await jims.chat('Hello');
 * const chat = jims.openChat();
 */
export class JimsClient {
  readonly threads: JimsThreads;
  readonly runs: JimsRuns;
  readonly files: JimsFiles;
  readonly #transport: Transport;

  constructor(options: JimsClientOptions = {}) {
    const transport = new Transport(options);
    this.#transport = transport;
    this.threads = threadsOf(transport);
    this.runs = runsOf(transport);
    this.files = filesOf(transport);
  }

  /**
   * Sends a message, and waits for the whole answer.
   *
   * @example
   * const { assistant_messages, thread_id } = await jims.chat('Hello');
   * await jims.chat('And now?', { threadId: thread_id });
   */
  async chat(text: string, options: StreamOptions = {}): Promise<ChatAnswer> {
    let last: StreamEvent | undefined;
    for await (last of this.stream(text, { include: ['thread'], ...options }));
    if (last?.event === 'result') return last.data;
    throw last ? errorOfEnd(last) : notOfService();
  }

  /**
   * Sends a message, and follows the answer through lost connections. The last event is a `result`, an
   * `error` or a `cancelled`. After `restarted` all that came before is to be forgotten.
   *
   * @example
   * for await (const { event, data } of jims.stream('Tell me a story')) {
   *   if (event === 'delta') process.stdout.write(data.delta);
   * }
   */
  async *stream(text: string, options: StreamOptions = {}): AsyncGenerator<StreamEvent, void> {
    // Without `include` the events have no ids, and could not be joined again.
    const { signal, idempotencyKey: key = newKey(), include = CHAT_INCLUDES, ...rest } = options;
    const { contactId } = this.#transport.options;
    const body = chatRequest(text, { contactId, ...rest, include });
    const read = { signal, tries: TRIES };
    const resend = (): Promise<OpenRun> => openRun(this.#transport, { key, body, ...read });
    const first = await resend();
    const run = { runId: first.runId, first, resend };
    for await (const batch of followRun(this.#transport, run, { include, ...read })) yield* batch;
  }

  /**
   * Opens a live chat, for a user interface to bind to. Without a `threadId` it is a new one.
   *
   * @example
   * const chat = jims.openChat({ threadId });
   * chat.subscribe(() => render(chat.getSnapshot()));
   * await chat.send('Hello');
   */
  openChat(options: OpenChatOptions = {}): Chat {
    return new LiveChat(this.#transport, options);
  }

  /**
   * Calls any other route; resolves with its JSON, or its text.
   *
   * @example
   * const app = await jims.request<{ name: string }>('/api/v1/app');
   */
  request<T = unknown>(path: string, options: CallOptions = {}): Promise<T> {
    return this.#transport.json<T>(path, options);
  }

  /**
   * Reads any stream of events, through lost connections, until it is left.
   *
   * @example
   * for await (const { event, data } of jims.listen('/api/v1/dev')) console.log(event, data);
   */
  async *listen(
    path: string,
    options: Pick<CallOptions, 'query' | 'signal'> & { readonly after?: string } = {},
  ): AsyncGenerator<SseMessage, void> {
    for await (const batch of follow(this.#transport, path, {
      ...options,
      parse: (message) => message,
    }))
      yield* batch;
  }
}
