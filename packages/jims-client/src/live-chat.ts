import { ChatConnection } from './chat-connection.ts';
import { CLICK } from './chat-message.ts';
import type { ChatFeedback } from './chat-snapshot.ts';
import { labelOf, withChange } from './chat-state.ts';
import { ChatStore } from './chat-store.ts';
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

/** A page that draws anew leaves for a moment. */
const GRACE_MS = 1000;

/** Why a run has failed that can go on: what it did in steps is not done again. */
const GOES_ON = /^(?:lost|pipeline_changed|shutting_down|store_unavailable)$/;

/** The chat of a thread, over the network. */
export class LiveChat implements Chat {
  readonly getSnapshot: Chat['getSnapshot'];
  readonly #transport: Transport;
  readonly #store: ChatStore;
  readonly #outbox: Outbox;
  readonly #life = new AbortController();
  #connection: ChatConnection | undefined;
  #leaving: ReturnType<typeof setTimeout> | undefined;
  /** Messages are accepted in the order in which they are sent. */
  #sending: Promise<unknown> = Promise.resolve();

  constructor(transport: Transport, { threadId, ...options }: OpenChatOptions) {
    this.#transport = transport;
    const { contactId } = options;
    const isLoading = threadId !== undefined;
    const filesUrl = transport.address('/api/v1/files/');
    this.#store = new ChatStore({ threadId, contactId, isLoading, filesUrl });
    this.getSnapshot = this.#store.getSnapshot;
    this.#outbox = new Outbox(transport, this.#store, { ...options, signal: this.#life.signal });
    if (isLoading) this.#connection = this.#connect(false);
  }

  /** It is connected while somebody listens. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const { listeners } = this.#store;
    // The same function may subscribe twice.
    const call = (): void => listener();
    listeners.add(call);
    clearTimeout(this.#leaving);
    this.#connection?.start();
    return () => {
      listeners.delete(call);
      clearTimeout(this.#leaving);
      if (listeners.size > 0) return;
      this.#leaving = setTimeout(() => this.#connection?.pause(), GRACE_MS);
    };
  };

  readonly send = async (text: string, { files }: SendOptions = {}): Promise<void> =>
    this.#say({ content: text, files });

  readonly click = async (buttonId: string): Promise<void> => {
    const { messages, question } = this.#store.state;
    const isAsked = question?.buttons.some(({ id }) => id === buttonId);
    const text = labelOf(question ? [...messages, question] : messages, buttonId);
    const answers = isAsked ? question?.id : undefined;
    return this.#say({ type: CLICK, content: buttonId, text, answers });
  };

  readonly answer = async (value: unknown): Promise<void> => {
    const { question } = this.#store.state;
    if (!question) throw new JimsApiError('No question is open', { code: 'question_closed' });
    if (question.buttons.some(({ id }) => id === value)) return this.click(String(value));
    const content = typeof value === 'string' ? value : JSON.stringify(value);
    return this.#say({ content, answers: question.id });
  };

  readonly stop = (): Promise<void> =>
    this.#try(async () => {
      await this.#sending;
      const { live, messages } = this.#store.state;
      const waiting = messages.find(({ createdAt, runId: its }) => !createdAt && its);
      const runId = live && !live.isOver ? live.runId : waiting?.runId;
      if (runId === undefined) return;
      const { signal } = this.#life;
      await this.#transport.json(`/api/v1/runs/${runId}/cancel`, { method: 'POST', signal });
    });

  readonly retry = async (): Promise<void> => {
    this.#connection?.start();
    const { messages } = this.#store.state;
    const failed = messages.filter(({ state }) => state === 'failed');
    // What was refused for good gets a new key: the old one would bring the same answer.
    const sent = failed.map(({ key, runId }) =>
      this.#deliver(runId ? this.#outbox.again(key) : key),
    );
    await Promise.all(sent);
    const connection = this.#connection;
    const run = connection?.failedRun;
    if (!run || failed.length > 0) return;
    // A second call while this one is on its way does nothing.
    connection.failedRun = undefined;
    try {
      await this.#try(async () => {
        if (!GOES_ON.test(run.code) || !(await this.#goOn(run.id))) return this.#sendAgain(run.id);
        connection.acceptedAgain(run.id);
      });
    } catch (error) {
      connection.failedRun = run;
      throw error;
    }
  };

  readonly edit = async (messageId: string, text: string): Promise<void> => {
    const message = this.#store.state.messages.find(({ id }) => id === messageId);
    const draft = { content: text, stored: message?.files };
    if (message?.state !== 'failed') return this.#replace(messageId, draft);
    this.#outbox.remove(message.key);
    return this.#say(draft);
  };

  readonly loadOlder = (): Promise<void> =>
    this.#try(async () => this.#connection?.log.loadOlder(this.#life.signal));

  readonly giveFeedback = (messageId: string, feedback: ChatFeedback | undefined): Promise<void> =>
    this.#try(async () => {
      const before = this.#store.state.messages.find(({ id }) => id === messageId)?.feedback;
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
    this.#store.update((state) => withChange(state, messageId, { feedback }));
  }

  #say(draft: Draft): Promise<void> {
    return this.#deliver(this.#outbox.add(draft));
  }

  #deliver(key: string): Promise<void> {
    const sending = this.#sending.then(async () => {
      const run = await this.#outbox.deliver(key);
      this.#connection ??= this.#connect(true);
      this.#connection.accepted(run);
    });
    this.#sending = sending.catch(() => this.#connection?.start());
    this.#connection?.hold(this.#sending);
    return sending;
  }

  /** Lets a failed run go on in its thread; `false` where the service does not do that for the caller. */
  async #goOn(runId: string): Promise<boolean> {
    const { signal } = this.#life;
    try {
      await this.#transport.json(`/api/v1/runs/${runId}/retry`, { method: 'POST', signal });
      return true;
    } catch (error) {
      const { status } = asJimsApiError(error);
      if (status === 404 || status === 409) return false;
      throw error;
    }
  }

  /** Sends the message of a run again, in a copy of the thread. */
  async #sendAgain(runId: string): Promise<void> {
    const { messages } = this.#store.state;
    const message = messages.find(({ id }) => id === runId);
    if (!message) return;
    const { type, text, files: stored } = message;
    const buttons = messages.flatMap((each) => each.buttons);
    const button = type === CLICK && buttons.findLast((each) => each.text === text);
    await this.#replace(runId, { type, content: button ? button.id : text, text, stored });
  }

  /** Goes on in a copy of the thread that ends before a message. */
  #replace(messageId: string, draft: Draft): Promise<void> {
    return this.#try(async () => {
      const { threadId, messages } = this.#store.state;
      const { thread_id } = await this.#transport.json<Thread>(`/api/v1/threads/${threadId}/fork`, {
        body: { before: messageId },
        signal: this.#life.signal,
      });
      this.#connection?.pause();
      const end = messages.findIndex(({ id }) => id === messageId);
      this.#store.set({
        threadId: thread_id,
        messages: messages.slice(0, Math.max(0, end)),
        live: undefined,
        question: undefined,
        error: undefined,
      });
      this.#connection = this.#connect(false);
      await this.#say(draft);
    });
  }

  #connect(isNew: boolean): ChatConnection {
    const { threadId = '' } = this.#store.state;
    const options = { isNew, closed: this.#life.signal };
    const connection = new ChatConnection(this.#transport, this.#store, threadId, options);
    connection.hold(this.#sending);
    return connection;
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
