import { ChatConnection } from './chat-connection.ts';
import { CLICK } from './chat-message.ts';
import type { ChatFeedback } from './chat-snapshot.ts';
import { labelOf, messageOf, withChange } from './chat-state.ts';
import { ChatStore } from './chat-store.ts';
import type { Chat, SendOptions, TakenBack } from './chat.ts';
import { JimsApiError } from './errors.ts';
import { newKey } from './message-options.ts';
import type { MessageOptions } from './message-options.ts';
import { Outbox } from './outbox.ts';
import type { Draft } from './outbox.ts';
import { pause } from './pause.ts';
import { runsOf } from './resources.ts';
import type { JimsRuns } from './resources.ts';
import { threadsOf } from './threads.ts';
import type { JimsThreads } from './threads.ts';
import { asJimsApiError } from './transport.ts';
import type { Transport } from './transport.ts';
import type { Thread } from './wire.ts';

/** Which chat to open. */
export interface OpenChatOptions extends Pick<MessageOptions, 'contactId' | 'threadConfig'> {
  /** Without it the chat begins a new thread. */
  readonly threadId?: string | undefined;
  /**
   * Lets the app speak first in a new thread: with `true` as soon as somebody subscribes, with `before-message` when
   * the first message is sent. Default false.
   */
  readonly greet?: boolean | 'before-message' | undefined;
}

/** A page that draws anew leaves for a moment. */
const GRACE_MS = 1000;

/** How long the end of a run that is stopped is waited for. */
const STOP_MS = 10_000;

/** The chat of a thread, over the network. */
export class LiveChat implements Chat {
  readonly getSnapshot: Chat['getSnapshot'];
  readonly #store: ChatStore;
  readonly #runs: JimsRuns;
  readonly #threads: JimsThreads;
  readonly #outbox: Outbox;
  readonly #options: OpenChatOptions;
  readonly #greetingKey = newKey();
  #connection: ChatConnection | undefined;

  constructor(transport: Transport, options: OpenChatOptions) {
    const { threadId, contactId, threadConfig, greet } = options;
    const filesUrl = transport.address('/api/v1/files/');
    const isLoading = greet === true || threadId !== undefined;
    const store = new ChatStore(transport, { threadId, contactId, isLoading, filesUrl });
    const { signal } = store.life;
    this.#runs = runsOf(transport, signal);
    this.#threads = threadsOf(transport, contactId, signal);
    this.#options = options;
    this.#store = store;
    this.getSnapshot = store.getSnapshot;
    this.#outbox = new Outbox(store, threadConfig);
    if (threadId !== undefined) this.#connect();
  }

  /** It is connected while somebody listens. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const { listeners } = this.#store;
    // The same function may subscribe twice.
    const call = (): void => listener();
    listeners.add(call);
    this.#connection?.start();
    if (this.#options.greet === true && !this.#connection)
      this.#queue(() => this.#try(this.#greet)).catch(() => {});
    return () => {
      listeners.delete(call);
      setTimeout(() => {
        if (listeners.size === 0) this.#connection?.pause();
      }, GRACE_MS);
    };
  };

  readonly send = async (text: string, { files }: SendOptions = {}): Promise<void> =>
    this.#say({ content: text, files });

  readonly click = async (buttonId: string): Promise<void> => {
    const { messages, question } = this.#store.state;
    const button = question?.buttons.find(({ id }) => id === buttonId);
    const text = button?.text ?? labelOf(messages, buttonId);
    return this.#say({ type: CLICK, content: buttonId, text, answers: button && question?.id });
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
      // What is on its way may be long, or is to be stopped itself.
      if (!this.#connection?.current) await this.#store.sending;
      const runId = this.#connection?.current;
      if (!runId) return;
      await this.#runs.cancel(runId);
      await this.#ended(runId);
    });

  readonly retry = (): Promise<void> => {
    const { messages, failedRun } = this.#store.state;
    // A second call while this one is on its way does nothing.
    this.#store.set({ failedRun: undefined });
    return this.#try(
      async () => {
        this.#connection?.start();
        const failed = messages.filter(({ state }) => state === 'failed');
        await Promise.all(failed.map(({ key }) => this.#deliver(this.#outbox.again(key))));
        if (this.#options.greet === true) await this.#queue(this.#greet);
        if (failedRun === undefined || failed.length > 0) return;
        if (await this.#goOn(failedRun)) this.#connection?.accepted({ runId: failedRun });
        else await this.#sendAgain(failedRun);
      },
      () => this.#store.set({ failedRun }),
    );
  };

  readonly edit = async (messageId: string, text: string): Promise<void> => {
    const message = messageOf(this.#store.state, messageId);
    if (message?.state !== 'failed')
      return this.#replace(messageId, { content: text, stored: message?.files });
    const { files, stored } = this.#outbox.remove(message.key);
    return this.#say({ content: text, files, stored });
  };

  readonly discard = (messageId: string): TakenBack | undefined => {
    const message = messageOf(this.#store.state, messageId);
    if (message?.state !== 'failed') return undefined;
    const { files = [] } = this.#outbox.remove(message.key);
    this.#store.set({ error: undefined });
    return { text: message.text, files };
  };

  readonly loadOlder = (): Promise<void> =>
    this.#try(async () => this.#connection?.log.loadOlder(this.#store.life.signal));

  readonly giveFeedback = (
    messageId: string,
    feedback: ChatFeedback | undefined,
  ): Promise<void> => {
    const { transport, life, state } = this.#store;
    const before = messageOf(this.#store.state, messageId)?.feedback;
    const path = `/api/v1/threads/${state.threadId}/messages/${messageId}/feedback`;
    const { signal } = life;
    const call = feedback ? { method: 'PUT', body: feedback } : { method: 'DELETE' };
    this.#setFeedback(messageId, feedback);
    return this.#try(
      () => transport.json(path, { ...call, signal }),
      () => this.#setFeedback(messageId, before),
    );
  };

  readonly close = (): void => {
    this.#store.life.abort();
    this.#connection?.pause();
  };

  /** Resolves when a run is over and the chat has its end, or after a time. */
  async #ended(runId: string): Promise<void> {
    const waiting = new AbortController();
    const check = (): void => {
      if (this.#connection?.current !== runId) waiting.abort();
    };
    const leave = this.subscribe(check);
    check();
    await pause(1, waiting.signal, STOP_MS).catch(() => {});
    leave();
  }

  #setFeedback(messageId: string, feedback: ChatFeedback | undefined): void {
    this.#store.update((state) => withChange(state, messageId, { feedback }));
  }

  /** Makes the thread, and lets the app speak first in it, unless it is there already. */
  readonly #greet = async (): Promise<void> => {
    const { contactId, threadConfig, greet } = this.#options;
    const store = this.#store;
    // It is connected when there is a thread.
    if (!greet || this.#connection) return;
    const create = (): Promise<Thread> =>
      this.#threads.create({ contactId, threadConfig, greet: true }, this.#greetingKey);
    const { thread_id: threadId, run_id: runId } = await create();
    store.set({ threadId, isLoading: false });
    const connection = this.#connect();
    const resend = async (): Promise<undefined> => void (await create());
    if (runId !== undefined) connection.accepted({ runId, resend });
  };

  #say(draft: Draft): Promise<void> {
    return this.#deliver(this.#outbox.add(draft));
  }

  #deliver(key: string): Promise<void> {
    return this.#queue(() =>
      this.#outbox.deliver(key, this.#greet, (run) =>
        (this.#connection ?? this.#connect()).accepted(run),
      ),
    );
  }

  /** Messages are accepted in the order in which they are sent. */
  #queue(action: () => Promise<void>): Promise<void> {
    const store = this.#store;
    const sending = store.sending.then(action);
    store.sending = sending.catch(() => this.#connection?.start());
    this.#connection?.wake();
    return sending;
  }

  /** Lets a failed run go on in its thread; `false` where the service does not do that for the caller. */
  async #goOn(runId: string): Promise<boolean> {
    try {
      await this.#runs.retry(runId);
      return true;
    } catch (error) {
      const { status } = asJimsApiError(error);
      if (status === 404 || status === 409) return false;
      throw error;
    }
  }

  /** Sends the message of a run again, in a copy of the thread. */
  async #sendAgain(runId: string): Promise<void> {
    const message = messageOf(this.#store.state, runId);
    if (!message) return;
    const { type, text, files: stored } = message;
    const buttons = this.#store.state.messages.flatMap((each) => each.buttons);
    const button = type === CLICK && buttons.findLast((each) => each.text === text);
    await this.#replace(runId, { type, content: button ? button.id : text, text, stored });
  }

  /** Goes on in a copy of the thread that ends before a message. */
  #replace(messageId: string, draft: Draft): Promise<void> {
    return this.#try(async () => {
      const { threadId = '', messages } = this.#store.state;
      const copy = await this.#threads.fork(threadId, { before: messageId });
      this.#connection?.pause();
      const end = messages.findIndex(({ id }) => id === messageId);
      this.#store.set({
        threadId: copy.thread_id,
        messages: messages.slice(0, Math.max(0, end)),
        run: undefined,
        question: undefined,
        error: undefined,
        isLoading: true,
      });
      this.#connect();
      await this.#say(draft);
    });
  }

  #connect(): ChatConnection {
    this.#connection = new ChatConnection(this.#store);
    return this.#connection;
  }

  async #try(action: () => Promise<unknown>, undo = (): void => {}): Promise<void> {
    try {
      await action();
      this.#store.set({ error: undefined });
    } catch (error) {
      undo();
      throw this.#store.fail(error);
    }
  }
}
