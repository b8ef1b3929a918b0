import { ChatConnection } from './chat-connection.ts';
import type { ChatFeedback, ChatSnapshot } from './chat-snapshot.ts';
import { ChatStore } from './chat-store.ts';
import { CLICK } from './chat-view.ts';
import type { Chat, SendOptions } from './chat.ts';
import { JimsApiError } from './errors.ts';
import { Outbox } from './outbox.ts';
import type { Draft, OutboxOptions } from './outbox.ts';
import { asJimsApiError } from './transport.ts';
import type { Transport } from './transport.ts';
import type { Thread } from './wire.ts';

/** Which chat to open. */
export interface OpenChatOptions extends OutboxOptions {
  /** Without it the first message makes a new thread. */
  readonly threadId?: string | undefined;
}

const MESSAGE = 'comm.user_message';
/** A page that draws anew leaves for a moment. */
const GRACE_MS = 1000;

/** The chat of a thread, over the network. */
export class LiveChat implements Chat {
  readonly getSnapshot: Chat['getSnapshot'];
  readonly #transport: Transport;
  readonly #store: ChatStore;
  readonly #outbox: Outbox;
  readonly #life = new AbortController();
  #connection: ChatConnection | undefined;
  #readers = 0;
  #leaving: ReturnType<typeof setTimeout> | undefined;
  /** Messages are accepted in the order in which they are sent. */
  #sending: Promise<unknown> = Promise.resolve();

  constructor(transport: Transport, { threadId, ...options }: OpenChatOptions) {
    this.#transport = transport;
    this.#store = new ChatStore({ threadId, isLoading: threadId !== undefined }, (fileId) =>
      transport.fileAddress(fileId),
    );
    this.getSnapshot = this.#store.getSnapshot;
    this.#outbox = new Outbox(transport, this.#store, { ...options, signal: this.#life.signal });
    if (threadId !== undefined) this.#connect(threadId, false);
  }

  /** It is connected while somebody listens. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const leave = this.#store.subscribe(listener);
    this.#readers++;
    clearTimeout(this.#leaving);
    this.#connection?.start();
    return () => {
      if (leave() && --this.#readers === 0) {
        this.#leaving = setTimeout(() => this.#connection?.pause(), GRACE_MS);
      }
    };
  };

  readonly send = async (text: string, { files }: SendOptions = {}): Promise<void> =>
    this.#say({ type: MESSAGE, content: text, files });

  readonly click = async (buttonId: string): Promise<void> => {
    const { messages, question } = this.getSnapshot();
    const isIt = ({ id }: { readonly id: string }): boolean => id === buttonId;
    const asked = question?.buttons.find(isIt);
    const button = asked ?? messages.flatMap(({ buttons }) => buttons).findLast(isIt);
    const answers = asked && question?.id;
    return this.#say({ type: CLICK, content: buttonId, text: button?.text, answers });
  };

  readonly answer = async (value: unknown): Promise<void> => {
    const { question } = this.getSnapshot();
    if (!question) throw new JimsApiError('No question is open', { code: 'question_closed' });
    if (question.buttons.some(({ id }) => id === value)) return this.click(String(value));
    const content = typeof value === 'string' ? value : JSON.stringify(value);
    return this.#say({ type: MESSAGE, content, answers: question.id });
  };

  readonly stop = (): Promise<void> =>
    this.#try(async () => {
      await this.#sending;
      const { live, outbox } = this.#store.state;
      const runId = live && !live.isOver ? live.runId : outbox.find((each) => each.runId)?.runId;
      if (runId === undefined) return;
      const { signal } = this.#life;
      await this.#transport.json(`/api/v1/runs/${runId}/cancel`, { method: 'POST', signal });
    });

  readonly retry = async (): Promise<void> => {
    this.#connection?.start();
    const { outbox, log } = this.#store.state;
    const failed = outbox.filter(({ state }) => state === 'failed');
    if (failed.length > 0) {
      await Promise.all(failed.map((each) => this.#sendAgain(each.key, each.runId !== undefined)));
      return;
    }
    const runId = this.#connection?.failedRun;
    const event = log.find(({ event_id }) => event_id === runId);
    const message = this.getSnapshot().messages.find(({ id }) => id === runId);
    if (!event || !message) return;
    const content = String(event.event_data['content']);
    const { type, text, files: stored } = message;
    await this.#replace(message.id, { type, content, text, stored });
  };

  readonly edit = async (messageId: string, text: string): Promise<void> => {
    const message = this.getSnapshot().messages.find(({ id }) => id === messageId);
    const draft = { type: MESSAGE, content: text, stored: message?.files };
    if (message?.state !== 'failed') return this.#replace(messageId, draft);
    this.#outbox.remove(message.key);
    return this.#say(draft);
  };

  readonly loadOlder = (): Promise<void> => this.#try(async () => this.#connection?.log.loadOlder(this.#life.signal));

  readonly giveFeedback = (
    messageId: string,
    feedback: ChatFeedback | undefined,
  ): Promise<void> =>
    this.#try(async () => {
      const before = this.#store.state.feedback[messageId];
      this.#setFeedback(messageId, feedback);
      const { threadId } = this.#store.state;
      const path = `/api/v1/threads/${threadId}/messages/${messageId}/feedback`;
      const { signal } = this.#life;
      const call = feedback ? { method: 'PUT', body: feedback } : { method: 'DELETE' };
      try {
        await this.#transport.json(path, { ...call, signal });
      } catch (error) {
        this.#setFeedback(messageId, before);
        throw error;
      }
    });

  readonly close = (): void => {
    clearTimeout(this.#leaving);
    this.#life.abort();
    this.#connection?.pause();
  };

  #setFeedback(messageId: string, feedback: ChatFeedback | undefined): void {
    this.#store.update((state) => {
      const { [messageId]: _, ...others } = state.feedback;
      return { ...state, feedback: feedback ? { ...others, [messageId]: feedback } : others };
    });
  }

  #say(draft: Draft): Promise<void> {
    return this.#deliver(this.#outbox.add(draft));
  }

  /** What was refused for good gets a new key: the old one would bring the same answer. */
  #sendAgain(key: string, isNew: boolean): Promise<void> {
    const draft = isNew ? this.#outbox.remove(key) : undefined;
    return draft ? this.#say(draft) : this.#deliver(key);
  }

  #deliver(key: string): Promise<void> {
    const sending = this.#sending.then(async () => {
      const run = await this.#outbox.deliver(key);
      const { threadId } = this.#store.state;
      if (!this.#connection && threadId !== undefined) this.#connect(threadId, true);
      this.#connection?.accepted(run);
    });
    this.#sending = sending.catch(() => this.#connection?.start());
    this.#connection?.hold(this.#sending);
    return sending;
  }

  /** Goes on in a copy of the thread that ends before a message. */
  #replace(messageId: string, draft: Draft): Promise<void> {
    return this.#try(async () => {
      const { threadId, log } = this.#store.state;
      const { thread_id } = await this.#transport.json<Thread>(`/api/v1/threads/${threadId}/fork`, {
        body: { before: messageId, supersede: true },
        signal: this.#life.signal,
      });
      this.#connection?.pause();
      const end = log.findIndex(({ event_id }) => event_id === messageId);
      this.#store.set({
        threadId: thread_id,
        log: end < 0 ? log : log.slice(0, end),
        live: undefined,
        outbox: [],
        question: undefined,
        error: undefined,
      });
      this.#connect(thread_id, false).start();
      await this.#say(draft);
    });
  }

  #connect(threadId: string, isNew: boolean): ChatConnection {
    const { signal } = this.#life;
    const options = { threadId, isNew, signal };
    this.#connection = new ChatConnection(this.#transport, this.#store, options);
    return this.#connection;
  }

  async #try(action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
      this.#store.set({ error: undefined });
    } catch (thrown) {
      const error = asJimsApiError(thrown);
      this.#store.set({ error });
      throw error;
    }
  }
}
