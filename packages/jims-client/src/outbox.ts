import type { AcceptedRun } from './chat-connection.ts';
import { BLANK, MESSAGE, fileOf } from './chat-message.ts';
import type { ChatFile, ChatMessage } from './chat-snapshot.ts';
import { withMessage, withChange } from './chat-state.ts';
import type { ChatStore } from './chat-store.ts';
import { chatRequest, newKey } from './message-options.ts';
import { CHAT_INCLUDES, openRun } from './run-stream.ts';
import { nameOf, uploadFile } from './upload.ts';
import type { JsonObject } from './wire.ts';

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
}

/** What is sent of a message, to a thread or to make one. */
interface Call {
  readonly key: string;
  readonly body: object;
  readonly threadId: string | undefined;
}

const NOTHING: Draft = { content: '' };

const TRIES = 10;

/** The messages of the contact that are not stored yet. */
export class Outbox {
  readonly #store: ChatStore;
  readonly #threadConfig: JsonObject | undefined;
  readonly #drafts = new Map<string, Draft>();
  /** Of messages of which nobody knows whether they were accepted. */
  readonly #calls = new Map<string, Call>();

  constructor(store: ChatStore, threadConfig: JsonObject | undefined) {
    this.#store = store;
    this.#threadConfig = threadConfig;
  }

  /** Shows a message that is to be sent. Returns its key. */
  add(draft: Draft): string {
    const key = newKey();
    const { content, type = MESSAGE, text = content } = draft;
    for (const stored of this.#store.state.messages)
      if (stored.createdAt) this.#drafts.delete(stored.key);
    this.#drafts.set(key, draft);
    const its = { id: key, key, type, text, files: shown(draft) };
    const message: ChatMessage = { ...BLANK, ...its, role: 'user', state: 'queued' };
    this.#store.update((state) => withMessage(state, undefined, message));
    return key;
  }

  /** Takes a message back that was not accepted. */
  remove(key: string): Draft {
    const { messages } = this.#store.state;
    this.#store.set({ messages: messages.filter((message) => message.key !== key) });
    const draft = this.#drafts.get(key) ?? NOTHING;
    this.#drafts.delete(key);
    this.#calls.delete(key);
    return draft;
  }

  /** Lets a message wait once more. */
  again(key: string): string {
    this.#change(key, { id: key, runId: undefined, state: 'queued' });
    return key;
  }

  /** Sends a message until it is accepted, after `before`; `then` takes its run. @throws JimsApiError */
  async deliver(
    key: string,
    before: () => Promise<void>,
    then: (run: AcceptedRun) => void,
  ): Promise<void> {
    const store = this.#store;
    const { transport, life, onLine } = store;
    this.#change(key, { state: 'sending' });
    try {
      await before();
      const call = { ...(await this.#callOf(key)), signal: life.signal, tries: TRIES };
      const stream = await openRun(transport, {
        ...call,
        onLine: (isLost) => {
          onLine(isLost);
          this.#change(key, { state: isLost ? 'queued' : 'sending' });
        },
      });
      const { runId, threadId } = stream;
      this.#calls.delete(key);
      store.set({ threadId, question: undefined, error: undefined });
      this.#change(key, { id: runId, runId, state: 'complete' });
      then({ runId, stream, resend: () => openRun(transport, { ...call, onLine }) });
    } catch (error) {
      this.#change(key, { state: 'failed' });
      throw store.fail(error, { isLost: false });
    }
  }

  /**
   * What is sent of a message: the same each time, for the service to recognize it, but for one that would make a
   * thread where another message has made it since.
   */
  async #callOf(key: string): Promise<Call> {
    const known = this.#calls.get(key);
    if (known && known.threadId === this.#store.state.threadId) return known;
    const draft = this.#drafts.get(key) ?? NOTHING;
    const { type, content, answers } = draft;
    const files = await this.#uploaded(key, draft);
    const { threadId, contactId } = this.#store.state;
    const threadConfig = this.#threadConfig;
    const body = chatRequest(content, {
      contactId,
      eventType: type,
      include: CHAT_INCLUDES,
      files,
      answers,
      ...(threadId === undefined ? { threadConfig, newThread: true } : { threadId }),
    });
    const call = { key: newKey(), body, threadId };
    this.#calls.set(key, call);
    return call;
  }

  async #uploaded(key: string, draft: Draft): Promise<readonly string[]> {
    const { contactId, filesUrl } = this.#store.state;
    let files = shown(draft);
    const change = (index: number, file: ChatFile): void => {
      files = files.with(index, file);
      this.#change(key, { files });
    };
    const upload = async (file: Blob, nth: number): Promise<void> => {
      const index = nth + (draft.stored?.length ?? 0);
      const waiting = waitingFile(file);
      const stored = await uploadFile(this.#store.transport, file, {
        contactId,
        signal: this.#store.life.signal,
        onProgress: (progress) => change(index, { ...waiting, progress }),
      });
      change(index, fileOf(stored, filesUrl));
    };
    await Promise.all((draft.files ?? []).map(upload));
    return files.flatMap(({ fileId }) => fileId ?? []);
  }

  #change(key: string, change: Partial<ChatMessage>): void {
    this.#store.update((state) => withChange(state, key, change));
  }
}

/** The files of a message before they are sent. */
function shown({ stored = [], files = [] }: Draft): readonly ChatFile[] {
  return [...stored, ...files.map(waitingFile)];
}

function waitingFile(file: Blob): ChatFile {
  return {
    fileId: undefined,
    name: nameOf(file),
    mediaType: file.type,
    size: file.size,
    progress: 0,
    url: undefined,
  };
}
