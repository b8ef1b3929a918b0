import type { AcceptedRun } from './chat-connection.ts';
import { BLANK, MESSAGE } from './chat-message.ts';
import type { ChatFile, ChatMessage } from './chat-snapshot.ts';
import { withMessage, withChange } from './chat-state.ts';
import type { ChatStore } from './chat-store.ts';
import { JimsApiError } from './errors.ts';
import { chatRequest, newKey } from './message-options.ts';
import type { MessageOptions } from './message-options.ts';
import { CHAT_INCLUDES, openRun } from './run-stream.ts';
import type { OpenRun } from './run-stream.ts';
import { asJimsApiError } from './transport.ts';
import type { Transport } from './transport.ts';
import { nameOf, uploadFile } from './upload.ts';

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

/** What the messages of a chat are sent with. */
export type OutboxOptions = Pick<MessageOptions, 'contactId' | 'threadConfig' | 'greet'>;

const TRIES = 10;

/** The messages of the contact that are not stored yet. */
export class Outbox {
  readonly #transport: Transport;
  readonly #store: ChatStore;
  readonly #options: OutboxOptions & { readonly signal: AbortSignal };
  readonly #drafts = new Map<string, Draft>();
  /** What is sent: the same each time, for the service to recognize it. */
  readonly #bodies = new Map<string, object>();

  constructor(
    transport: Transport,
    store: ChatStore,
    options: OutboxOptions & { readonly signal: AbortSignal },
  ) {
    this.#transport = transport;
    this.#store = store;
    this.#options = options;
  }

  /** Shows a message that is to be sent. Returns its key. */
  add(draft: Draft): string {
    const key = newKey();
    const { content, type = MESSAGE, text = content } = draft;
    this.#drafts.set(key, draft);
    const its = { id: key, key, type, text, files: shown(draft) };
    const message: ChatMessage = { ...BLANK, ...its, role: 'user', state: 'sending' };
    this.#store.update((state) => withMessage(state, undefined, message));
    return key;
  }

  /** Takes a message back that was not accepted. */
  remove(key: string): void {
    const { messages } = this.#store.state;
    this.#store.set({ messages: messages.filter((message) => message.key !== key) });
  }

  /** Puts a message in place of one that was not accepted. Returns its key. */
  again(key: string): string {
    this.remove(key);
    return this.add(this.#drafts.get(key) ?? { content: '' });
  }

  /** Sends a message until it is accepted. @throws JimsApiError */
  async deliver(key: string): Promise<AcceptedRun> {
    const { signal } = this.#options;
    const store = this.#store;
    this.#change(key, { state: 'sending' });
    try {
      const body = this.#bodies.get(key) ?? (await this.#packed(key));
      this.#bodies.set(key, body);
      const call = { key, body, signal, tries: TRIES, ...store.line };
      const resend = (): Promise<OpenRun> => openRun(this.#transport, call);
      const stream = await resend();
      const { runId, threadId } = stream;
      store.set({ threadId, question: undefined, error: undefined, isLost: false });
      this.#change(key, { id: runId, runId, state: 'complete' });
      const hasGreeting = this.#options.greet === true && 'new_thread' in body;
      return { runId, hasGreeting, stream, resend };
    } catch (thrown) {
      const error = asJimsApiError(thrown);
      this.#change(key, { state: 'failed' });
      store.set({ isLost: false, error });
      throw error;
    }
  }

  async #packed(key: string): Promise<object> {
    const draft = this.#drafts.get(key);
    if (!draft) throw new JimsApiError('The message was taken back', { code: 'aborted' });
    const { type, content, answers } = draft;
    const files = await this.#uploaded(key, draft);
    const { threadId, contactId } = this.#store.state;
    const { signal: _, ...ofNewThread } = this.#options;
    return chatRequest(content, {
      contactId,
      eventType: type,
      include: CHAT_INCLUDES,
      files,
      ...(answers !== undefined && { answers }),
      ...(threadId === undefined ? { ...ofNewThread, newThread: true } : { threadId }),
    });
  }

  async #uploaded(key: string, draft: Draft): Promise<readonly string[]> {
    const { contactId } = this.#store.state;
    const files = shown(draft);
    const change = (index: number, now: Partial<ChatFile>): void => {
      const known = files[index];
      if (known) files[index] = { ...known, ...now };
      this.#change(key, { files: [...files] });
    };
    const upload = async (file: Blob, index: number): Promise<void> => {
      const stored = await uploadFile(this.#transport, file, {
        contactId,
        signal: this.#options.signal,
        onProgress: (progress) => change(index, { progress }),
      });
      const { file_id: fileId, media_type: mediaType } = stored;
      change(index, { fileId, mediaType, url: this.#store.state.filesUrl + fileId });
    };
    const kept = draft.stored?.length ?? 0;
    await Promise.all((draft.files ?? []).map((file, index) => upload(file, kept + index)));
    return files.flatMap(({ fileId }) => fileId ?? []);
  }

  #change(key: string, change: Partial<ChatMessage>): void {
    this.#store.update((state) => withChange(state, key, change));
  }
}

/** The files of a message before they are sent. */
function shown({ stored = [], files = [] }: Draft): ChatFile[] {
  const waiting = files.map((file) => ({
    fileId: undefined,
    name: nameOf(file),
    mediaType: file.type,
    size: file.size,
    progress: 0,
    url: undefined,
  }));
  return [...stored, ...waiting];
}
