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

interface StoredDraft extends Draft {
  readonly body?: object;
}

const NOTHING: StoredDraft = { content: '' };

const TRIES = 10;

/** The messages of the contact that are not stored yet. */
export class Outbox {
  readonly #store: ChatStore;
  readonly #threadConfig: JsonObject | undefined;
  readonly #drafts = new Map<string, StoredDraft>();

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
    const { body: _, ...draft } = this.#drafts.get(key) ?? NOTHING;
    this.#drafts.delete(key);
    return draft;
  }

  /** Lets a message wait once more. Returns its key: a new one after a run, as the old one would bring its end. */
  again({ key, runId }: ChatMessage): string {
    if (runId) return this.add(this.remove(key));
    this.#change(key, { state: 'queued' });
    return key;
  }

  /** Sends a message until it is accepted, after `before`. @throws JimsApiError */
  async deliver(key: string, before: () => Promise<void>): Promise<AcceptedRun> {
    const store = this.#store;
    const { transport, life, onLine } = store;
    this.#change(key, { state: 'sending' });
    try {
      await before();
      const call = { key, body: await this.#bodyOf(key), signal: life.signal, tries: TRIES };
      const stream = await openRun(transport, {
        ...call,
        onLine: (isLost) => {
          onLine(isLost);
          this.#change(key, { state: isLost ? 'queued' : 'sending' });
        },
      });
      const { runId, threadId } = stream;
      store.set({ threadId, question: undefined, error: undefined });
      this.#change(key, { id: runId, runId, state: 'complete' });
      return { runId, stream, resend: () => openRun(transport, { ...call, onLine }) };
    } catch (error) {
      this.#change(key, { state: 'failed' });
      throw store.fail(error, { isLost: false });
    }
  }

  /** What is sent of a message: the same each time, for the service to recognize it. */
  async #bodyOf(key: string): Promise<object> {
    const draft = this.#drafts.get(key) ?? NOTHING;
    const { type, content, answers } = draft;
    if (draft.body) return draft.body;
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
    this.#drafts.set(key, { ...draft, body });
    return body;
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
