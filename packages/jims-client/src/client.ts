import type { Chat } from './chat.ts';
import { JimsApiError } from './errors.ts';
import { follow, openStream } from './follow.ts';
import type { OpenStream } from './follow.ts';
import { LiveChat } from './live-chat.ts';
import type { OpenChatOptions } from './live-chat.ts';
import { chatRequest } from './message-options.ts';
import type { MessageOptions } from './message-options.ts';
import { pause, pauseBefore } from './pause.ts';
import { JimsFiles, JimsRuns } from './resources.ts';
import { CHAT_INCLUDES, MAX_RESENDS, followRun, isLost } from './run-stream.ts';
import type { SseMessage } from './sse-parser.ts';
import { JimsThreads } from './threads.ts';
import { Transport, retried } from './transport.ts';
import type { CallOptions, JimsClientOptions } from './transport.ts';
import type { ChatAnswer, StreamEvent } from './wire.ts';

/** After so many connections in a row that brought nothing a call gives up. */
const TRIES = 12;
const CHAT_STREAM = '/api/v1/chat/stream';

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
  readonly #contactId: string | undefined;

  constructor(options: JimsClientOptions = {}) {
    const transport = new Transport(options);
    this.#transport = transport;
    this.#contactId = options.contactId;
    this.threads = new JimsThreads(transport, options.contactId);
    this.runs = new JimsRuns(transport);
    this.files = new JimsFiles(transport, options.contactId);
  }

  /**
   * Sends a message, and waits for the whole answer.
   *
   * @example
   * const { assistant_messages, thread_id } = await jims.chat('Hello');
   * await jims.chat('And now?', { threadId: thread_id });
   */
  async chat(text: string, options: MessageOptions = {}): Promise<ChatAnswer> {
    const include = ['thread' as const, ...(options.include ?? [])];
    for await (const { event, data } of this.stream(text, { ...options, include })) {
      if (event === 'result') return data;
      if (event === 'error') {
        const { code = 'pipeline_failed', detail } = data;
        throw new JimsApiError(detail, { code });
      }
      if (event === 'cancelled') {
        throw new JimsApiError(`The run was stopped: ${data.reason}`, { code: data.reason });
      }
    }
    throw new JimsApiError('The run is gone', { code: 'not_found' });
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
  async *stream(text: string, options: MessageOptions = {}): AsyncGenerator<StreamEvent, void> {
    // Without `include` the events have no ids, and could not be joined again.
    const { include = CHAT_INCLUDES, signal } = options;
    const contactId = options.contactId ?? this.#contactId;
    const request = chatRequest(text, { ...options, include, ...(contactId && { contactId }) });
    const call = { ...request, tries: TRIES };
    for (let resends = 0; ; resends++) {
      const open = (): Promise<OpenStream> => openStream(this.#transport, CHAT_STREAM, call);
      const first = await retried(call, open);
      const runId = first.response.headers.get('x-jims-run-id') ?? '';
      const read = { first, include, signal, tries: TRIES };
      let last: StreamEvent | undefined;
      if (resends > 0) yield { id: undefined, event: 'restarted', data: { attempt: resends + 1 } };
      for await (const batch of followRun(this.#transport, runId, read)) {
        last = batch.at(-1);
        const isAgain = last && isLost(last) && resends < MAX_RESENDS;
        yield* isAgain ? batch.slice(0, -1) : batch;
      }
      if (!last || !isLost(last) || resends >= MAX_RESENDS) return;
      await pause(pauseBefore(resends + 1), signal);
    }
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
    const { contactId = this.#contactId } = options;
    return new LiveChat(this.#transport, { ...options, contactId });
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
    const parse = (message: SseMessage): SseMessage => message;
    for await (const batch of follow(this.#transport, path, { ...options, parse })) yield* batch;
  }
}

