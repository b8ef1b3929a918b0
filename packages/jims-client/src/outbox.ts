import type { AcceptedRun } from './chat-connection.ts';
import type { ChatFile } from './chat-snapshot.ts';
import { withAccepted, withOutgoing } from './chat-state.ts';
import type { OutgoingMessage } from './chat-state.ts';
import type { ChatStore } from './chat-store.ts';
import { JimsApiError } from './errors.ts';
import { openStream } from './follow.ts';
import { CHAT_INCLUDES } from './run-stream.ts';
import { asJimsApiError, retried } from './transport.ts';
import type { Transport } from './transport.ts';
import { nameOf, uploadFile } from './upload.ts';
import type { ChatRequest, JsonObject, Run } from './wire.ts';

/** A message to send. */
export interface Draft {
  readonly type: string;
  readonly content: string;
  /** What is shown of it; default: its content. */
  readonly text?: string | undefined;
  readonly files?: readonly Blob[] | undefined;
  /** Files that are stored already. */
  readonly stored?: readonly ChatFile[] | undefined;
  /** The question that it answers. */
  readonly answers?: string | undefined;
}

/** What each message of a chat is sent with. */
export interface OutboxOptions {
  readonly contactId?: string | undefined;
  /** Of a new thread. */
  readonly threadConfig?: JsonObject | undefined;
  /** Whether the app greets first in a new thread. */
  readonly greet?: boolean | undefined;
}

/** What is sent, the same each time. */
interface Parcel {
  readonly draft: Draft;
  readonly request?: { readonly path: string; readonly body: ChatRequest };
}

const TRIES = 10;
const STREAM = '/api/v1/chat/stream';

/** The messages of the contact that are not stored yet. */
export class Outbox {
  readonly #transport: Transport;
  readonly #store: ChatStore;
  readonly #options: OutboxOptions;
  readonly #signal: AbortSignal;
  readonly #parcels = new Map<string, Parcel>();

  constructor(
    transport: Transport,
    store: ChatStore,
    { signal, ...options }: OutboxOptions & { readonly signal: AbortSignal },
  ) {
    this.#transport = transport;
    this.#store = store;
    this.#options = options;
    this.#signal = signal;
  }

  /** Shows a message that is to be sent. Returns its key. */
  add(draft: Draft): string {
    const key = crypto.randomUUID();
    const { type, content, text = content, files = [], stored = [] } = draft;
    this.#parcels.set(key, { draft });
    const shown = [...stored, ...files.map(unsent)];
    const message: OutgoingMessage = { key, type, content, text, files: shown, state: 'sending' };
    this.#store.update((state) => ({ ...state, outbox: [...state.outbox, message] }));
    return key;
  }

  /** Takes a message back that was not accepted; returns what it was. */
  remove(key: string): Draft | undefined {
    const draft = this.#parcels.get(key)?.draft;
    this.#parcels.delete(key);
    this.#store.update((state) => ({
      ...state,
      outbox: state.outbox.filter((each) => each.key !== key),
    }));
    return draft;
  }

  /** Sends a message until it is accepted. @throws JimsApiError */
  async deliver(key: string): Promise<AcceptedRun> {
    this.#change(key, { state: 'sending' });
    try {
      const parcel = await this.#packed(key);
      const run = await this.#sent(key, parcel);
      this.#store.update((state) => withAccepted(state, { key, ...run }));
      this.#store.set({ isLost: false });
      return run;
    } catch (thrown) {
      const error = asJimsApiError(thrown);
      this.#change(key, { state: 'failed' });
      this.#store.set({ isLost: false, error });
      throw error;
    }
  }

  /** The request of a message: once made it stays, for the service to recognize it. */
  async #packed(key: string): Promise<Required<Parcel>> {
    const { draft, request } = this.#parcels.get(key) ?? {};
    if (!draft) throw new JimsApiError('The message was taken back', { code: 'aborted' });
    if (request) return { draft, request };
    const files = await this.#uploaded(key, draft);
    const { type, content, answers } = draft;
    const { threadId, isLoading, live, outbox } = this.#store.state;
    const common = {
      message: content,
      event_type: type,
      ...(this.#contact !== undefined && { contact_id: this.#contact }),
      ...(files.length > 0 && { files }),
      ...(answers !== undefined && { answers }),
    };
    const isBusy = isLoading || live !== undefined || outbox.some(({ state }) => state === 'accepted');
    const parcel = {
      draft,
      request:
        threadId !== undefined && isBusy
          ? { path: `/api/v1/threads/${threadId}/runs`, body: common }
          : { path: STREAM, body: { ...common, ...this.#target(threadId), include: CHAT_INCLUDES } },
    };
    this.#parcels.set(key, parcel);
    return parcel;
  }

  get #contact(): string | undefined {
    return this.#options.contactId ?? this.#store.state.contactId;
  }

  #target(threadId: string | undefined): Partial<ChatRequest> {
    if (threadId !== undefined) return { thread_id: threadId };
    const { threadConfig, greet } = this.#options;
    return {
      new_thread: true,
      ...(threadConfig && { thread_config: threadConfig }),
      ...(greet && { run_conversation_start_on_new_thread: true }),
    };
  }

  async #uploaded(key: string, { files = [], stored = [] }: Draft): Promise<readonly string[]> {
    const shown = [...stored, ...files.map(unsent)];
    const show = (index: number, file: ChatFile): void => {
      shown[stored.length + index] = file;
      this.#change(key, { files: [...shown] });
    };
    await Promise.all(
      files.map(async (file, index) => {
        const { file_id, name, media_type, size } = await uploadFile(this.#transport, file, {
          contactId: this.#contact,
          signal: this.#signal,
          onProgress: (progress) => show(index, { ...unsent(file), progress }),
        });
        const url = this.#transport.fileAddress(file_id);
        show(index, { fileId: file_id, name, mediaType: media_type, size, progress: 1, url });
      }),
    );
    return shown.flatMap(({ fileId }) => fileId ?? []);
  }

  async #sent(
    key: string,
    { request: { path, body } }: Required<Parcel>,
  ): Promise<AcceptedRun & { readonly threadId: string }> {
    const signal = this.#signal;
    const call = { key, body, signal, tries: TRIES, onLost: () => this.#store.set({ isLost: true }) };
    const resend = (): Promise<AcceptedRun> => this.deliver(key);
    if (path !== STREAM) {
      const { run_id: runId, thread_id: threadId } = await this.#transport.json<Run>(path, call);
      return { runId, threadId, resend };
    }
    return retried(call, async () => {
      const stream = await openStream(this.#transport, path, call);
      const { headers, status } = stream.response;
      const runId = headers.get('x-jims-run-id');
      const threadId = headers.get('x-jims-thread-id');
      const hasGreeting = body.run_conversation_start_on_new_thread === true;
      if (runId !== null && threadId !== null) return { runId, threadId, hasGreeting, stream, resend };
      stream.watchdog.end();
      throw new JimsApiError('The answer is not of the service', { code: 'invalid_answer', status });
    });
  }

  #change(key: string, change: Partial<OutgoingMessage>): void {
    this.#store.update((state) => withOutgoing(state, key, change));
  }
}

function unsent(file: Blob): ChatFile {
  const { type: mediaType, size } = file;
  return { fileId: undefined, name: nameOf(file), mediaType, size, progress: 0, url: undefined };
}
