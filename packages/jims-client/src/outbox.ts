import type { ChatConnection } from './chat-connection.ts';
import { BLANK, MESSAGE, fileOf } from './chat-message.ts';
import type { ChatFile, ChatMessage } from './chat-snapshot.ts';
import { messageOf, withMessage } from './chat-state.ts';
import type { ChatStore } from './chat-store.ts';
import type { OpenChatOptions } from './chat.ts';
import { chatRequest, newKey } from './message-options.ts';
import type { OpenAnswer } from './open-answer.ts';
import { CHAT_INCLUDES, openRun } from './run-stream.ts';
import { nameOf, uploadFile } from './upload.ts';
import type { Thread } from './wire.ts';

/** A message to send. */
export interface Draft {
  readonly type?: string | undefined;
  readonly content: string;
  /** What is shown of it; default: its content. */
  readonly text?: string | undefined;
  readonly files?: readonly Blob[] | undefined;
  /** Files that are stored already. */
  readonly stored?: readonly ChatFile[] | undefined;
  /** The question that it answers. */
  readonly answers?: string | undefined;
  /** Of its message in the chat. */
  key?: string;
  /** What was sent of it, to a thread or to make one, while nobody knows whether it was accepted. */
  call?: Call | undefined;
}

interface Call {
  readonly key: string;
  readonly body: object;
  readonly threadId: string | undefined;
}

const TRIES = 10;

/** The messages of the contact that are not stored yet, and the call for a greeting: sent one after the other. */
export class Outbox {
  readonly #store: ChatStore;
  readonly #connection: ChatConnection;
  readonly #options: OpenChatOptions;
  readonly #greetingKey = newKey();
  readonly #drafts = new Map<string, Draft>();

  constructor(store: ChatStore, connection: ChatConnection, options: OpenChatOptions) {
    this.#store = store;
    this.#connection = connection;
    this.#options = options;
  }

  /** Calls for a greeting, unless there is a thread where none has failed. @throws JimsApiError */
  greet(): Promise<void> {
    return this.#queue(this.#greet);
  }

  /** Shows a message, and sends it until it is accepted. @throws JimsApiError */
  send(draft: Draft): Promise<void> {
    const key = (draft.key ??= newKey());
    const { content, type = MESSAGE, text = content, stored = [], files = [] } = draft;
    for (const { createdAt, key: known } of this.#store.state.messages)
      if (createdAt) this.#drafts.delete(known);
    this.#drafts.set(key, draft);
    const message: ChatMessage = {
      ...BLANK,
      id: key,
      key,
      role: 'user',
      type,
      text,
      files: [...stored, ...files.map(waitingFile)],
      state: 'queued',
    };
    this.#store.update((state) => withMessage(state, undefined, message));
    return this.#queue(() => this.#deliver(key, draft));
  }

  /** Takes a message back; `undefined` unless it is `failed`. */
  takeBack(messageId: string): Draft | undefined {
    const { state } = this.#store;
    const message = messageOf(state, messageId);
    if (message?.state !== 'failed') return undefined;
    this.#store.set({ messages: state.messages.filter((each) => each !== message) });
    return this.#drafts.get(message.key);
  }

  /** Messages are accepted in the order in which they are sent. */
  #queue(action: () => Promise<void>): Promise<void> {
    const store = this.#store;
    const sending = store.sending.then(action);
    store.sending = sending.catch(() => this.#connection.start());
    this.#connection.wake();
    return sending;
  }

  /** Makes the thread, unless it is there, and lets the app speak first in it. */
  readonly #greet = async (): Promise<void> => {
    const { threadConfig, greet } = this.#options;
    const store = this.#store;
    const { contactId, threadId, error, messages } = store.state;
    // What a greeting that failed has left of its thread is an error, and no message.
    if (!greet || (threadId && (messages[0] || !error))) return;
    const key = threadId ? newKey() : this.#greetingKey;
    const create = (): Promise<Thread> =>
      store.threads.create({ contactId, threadId, threadConfig, greet: true }, key);
    const thread = await create();
    store.set({ threadId: thread.thread_id, isLoading: false });
    const resend = async (): Promise<undefined> => void (await create());
    if (thread.run_id !== undefined) this.#connection.accepted({ runId: thread.run_id, resend });
  };

  async #deliver(key: string, draft: Draft): Promise<void> {
    const store = this.#store;
    const { transport, life, onLine } = store;
    store.change(key, { state: 'sending' });
    try {
      await this.#greet();
      const call = { ...(await this.#callOf(key, draft)), signal: life.signal, tries: TRIES };
      const first = await openRun(transport, {
        ...call,
        onLine: (isLost) => {
          onLine(isLost);
          store.change(key, { state: isLost ? 'queued' : 'sending' });
        },
      });
      const { runId, threadId } = first;
      draft.call = undefined;
      store.set({ threadId, question: undefined, error: undefined });
      store.change(key, { id: runId, runId, state: 'complete' });
      const resend = (): Promise<OpenAnswer> => openRun(transport, { ...call, onLine });
      this.#connection.accepted({ runId, first, resend });
    } catch (error) {
      store.change(key, { state: 'failed' });
      onLine(false);
      throw store.fail(error);
    }
  }

  /**
   * What is sent of a message: the same each time, for the service to recognize it, but for one that would make a
   * thread where another message has made it since.
   */
  async #callOf(key: string, draft: Draft): Promise<Call> {
    const { call, content, type: eventType, answers } = draft;
    if (call && call.threadId === this.#store.state.threadId) return call;
    const files = await this.#uploaded(key, draft);
    const { threadId, contactId } = this.#store.state;
    const body = chatRequest(content, {
      contactId,
      eventType,
      include: CHAT_INCLUDES,
      files,
      answers,
      threadId,
      ...(!threadId && { newThread: true, threadConfig: this.#options.threadConfig }),
    });
    return (draft.call = { key: newKey(), body, threadId });
  }

  async #uploaded(key: string, { stored = [], files = [] }: Draft): Promise<readonly string[]> {
    const { transport, life, state } = this.#store;
    const { contactId, filesUrl } = state;
    let uploads = files.map(waitingFile);
    const upload = async (file: Blob, index: number): Promise<void> => {
      const show = (change: Partial<ChatFile>): void => {
        uploads = uploads.with(index, { ...waitingFile(file), ...change });
        this.#store.change(key, { files: [...stored, ...uploads] });
      };
      const uploaded = await uploadFile(transport, file, {
        contactId,
        signal: life.signal,
        onProgress: (progress) => show({ progress }),
      });
      show(fileOf(uploaded, filesUrl));
    };
    await Promise.all(files.map(upload));
    return [...stored, ...uploads].flatMap(({ fileId }) => fileId ?? []);
  }
}

/** A file of a message before it is sent. */
function waitingFile(file: Blob): ChatFile {
  return {
    name: nameOf(file),
    mediaType: file.type,
    size: file.size,
    progress: 0,
  };
}
