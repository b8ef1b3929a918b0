import { ChatConnection } from './chat-connection.ts';
import { CLICK } from './chat-message.ts';
import type { ChatFeedback, ChatMessage } from './chat-snapshot.ts';
import { labelOf, lastSaid, messageOf } from './chat-state.ts';
import { ChatStore } from './chat-store.ts';
import type { Chat, OpenChatOptions, SendOptions, TakenBack } from './chat.ts';
import { JimsApiError } from './errors.ts';
import { Outbox } from './outbox.ts';
import type { Draft } from './outbox.ts';
import { pause } from './pause.ts';
import { runsOf } from './resources.ts';
import type { JimsRuns } from './resources.ts';
import { loadOlder, threadPath } from './thread-log.ts';
import { asJimsApiError } from './transport.ts';
import type { Transport } from './transport.ts';

/** A page that draws anew leaves for a moment. */
const GRACE_MS = 1000;

/** How long the end of a run that is stopped is waited for. */
const STOP_SECONDS = 10;

/** The chat of a thread, over the network. */
export class LiveChat implements Chat {
  readonly getSnapshot: Chat['getSnapshot'];
  readonly #store: ChatStore;
  readonly #connection: ChatConnection;
  readonly #runs: JimsRuns;
  readonly #outbox: Outbox;

  constructor(transport: Transport, options: OpenChatOptions) {
    const { threadId, contactId = transport.options.contactId, greet } = options;
    const filesUrl = transport.address('/api/v1/files/');
    const isLoading = greet === true || threadId !== undefined;
    const store = new ChatStore(transport, { threadId, contactId, isLoading, filesUrl });
    this.#runs = runsOf(transport, store.life.signal);
    this.#store = store;
    this.getSnapshot = store.getSnapshot;
    this.#connection = new ChatConnection(store);
    this.#outbox = new Outbox(store, this.#connection, options);
  }

  /** It is connected while somebody listens. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const { listeners, state } = this.#store;
    // The same function may subscribe twice.
    const call = (): void => listener();
    listeners.add(call);
    this.#connection.start();
    if (state.isLoading && state.threadId === undefined)
      this.#try(() => this.#outbox.greet()).catch(() => {});
    return () => {
      listeners.delete(call);
      setTimeout(() => {
        if (listeners.size === 0) this.#connection.pause();
      }, GRACE_MS);
    };
  };

  readonly send = (text: string, { files }: SendOptions = {}): Promise<void> =>
    this.#outbox.send({ content: text, files });

  readonly click = (buttonId: string): Promise<void> => {
    const { messages, question } = this.#store.state;
    const button = question?.buttons.find(({ id }) => id === buttonId);
    const text = button?.text ?? labelOf(messages, buttonId);
    const answers = button && question?.id;
    return this.#outbox.send({ type: CLICK, content: buttonId, text, answers });
  };

  readonly answer = async (value: unknown): Promise<void> => {
    const { question } = this.#store.state;
    if (!question) throw new JimsApiError('No question is open', { code: 'question_closed' });
    if (question.buttons.some(({ id }) => id === value)) return this.click(String(value));
    const content = typeof value === 'string' ? value : JSON.stringify(value);
    return this.#outbox.send({ content, answers: question.id });
  };

  readonly stop = (): Promise<void> =>
    this.#try(async () => {
      const connection = this.#connection;
      // What is on its way may be long, or is to be stopped itself.
      if (!connection.current) await this.#store.sending;
      const runId = connection.current;
      if (!runId) return;
      await this.#runs.cancel(runId);
      const waiting = new AbortController();
      const leave = this.subscribe(() => {
        if (connection.current !== runId) waiting.abort();
      });
      if (connection.current === runId) await pause(0, waiting.signal, STOP_SECONDS);
      leave();
    });

  readonly retry = (): Promise<void> => {
    const { state } = this.#store;
    const drafts = state.messages.flatMap(({ key }) => this.#outbox.takeBack(key) ?? []);
    const last = lastSaid(state);
    const unanswered = drafts.length === 0 && last?.isUnanswered ? last : undefined;
    const action = async (): Promise<void> => {
      this.#connection.start();
      await Promise.all(drafts.map((draft) => this.#outbox.send(draft)));
      await this.#outbox.greet();
      if (unanswered) await this.#runAgain(unanswered);
    };
    // A second call while this one is on its way does nothing.
    return this.#try(action, unanswered?.id, { isUnanswered: false }, { isUnanswered: true });
  };

  readonly edit = async (messageId: string, content: string): Promise<void> => {
    const { files: stored } = messageOf(this.#store.state, messageId) ?? {};
    const draft = this.#outbox.takeBack(messageId);
    return draft
      ? this.#outbox.send({ content, files: draft.files, stored: draft.stored })
      : this.#replace(messageId, { content, stored });
  };

  readonly discard = (messageId: string): TakenBack | undefined => {
    const draft = this.#outbox.takeBack(messageId);
    if (!draft) return undefined;
    this.#store.set({ error: undefined });
    const { content, text = content, files = [] } = draft;
    return { text, files };
  };

  readonly loadOlder = (): Promise<void> => this.#try(() => loadOlder(this.#store));

  readonly giveFeedback = (
    messageId: string,
    feedback: ChatFeedback | undefined,
  ): Promise<void> => {
    const { transport, life, state } = this.#store;
    const path = `${threadPath(this.#store)}/messages/${messageId}/feedback`;
    const method = feedback ? 'PUT' : 'DELETE';
    const action = (): Promise<unknown> =>
      transport.json(path, { method, body: feedback, signal: life.signal });
    const before = messageOf(state, messageId)?.feedback;
    return this.#try(action, messageId, { feedback }, { feedback: before });
  };

  readonly close = (): void => {
    this.#store.life.abort();
    this.#connection.pause();
  };

  /** Lets a failed run go on in its thread; where that is not possible, in a copy. */
  async #runAgain({ id: runId, type, text, files: stored }: ChatMessage): Promise<void> {
    try {
      await this.#runs.retry(runId);
      this.#connection.accepted({ runId });
    } catch (error) {
      const { status } = asJimsApiError(error);
      // It may go on already where only the answer was lost.
      if (status !== 404 && status !== 409) throw error;
      const buttons = this.#store.state.messages.flatMap((each) => each.buttons);
      const button = type === CLICK && buttons.findLast((each) => each.text === text);
      await this.#replace(runId, { type, content: button ? button.id : text, text, stored });
    }
  }

  /** Goes on in a copy of the thread that ends before a message. */
  #replace(messageId: string, draft: Draft): Promise<void> {
    return this.#try(async () => {
      const store = this.#store;
      // A message that is on its way belongs to the thread as it was.
      await store.sending;
      const { threadId = '', messages } = store.state;
      const copy = await store.threads.fork(threadId, { before: messageId, supersede: true });
      this.#connection.pause();
      store.active.clear();
      const end = messages.findIndex(({ id }) => id === messageId);
      store.set({
        threadId: copy.thread_id,
        messages: messages.slice(0, end),
        run: undefined,
        isLoading: true,
      });
      await this.#outbox.send(draft);
    });
  }

  /** A change of a message is shown at once, and taken back when the action fails. */
  async #try(
    action: () => Promise<unknown>,
    messageId = '',
    change: Partial<ChatMessage> = {},
    before: Partial<ChatMessage> = {},
  ): Promise<void> {
    const store = this.#store;
    store.change(messageId, change);
    try {
      await action();
      store.set({ error: undefined });
    } catch (error) {
      store.change(messageId, before);
      throw store.fail(error);
    }
  }
}
