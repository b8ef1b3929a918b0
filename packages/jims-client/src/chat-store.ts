import type { ChatMessage, ChatSnapshot } from './chat-snapshot.ts';
import { NEW_CHAT, same, withChange } from './chat-state.ts';
import type { ChatState } from './chat-state.ts';
import type { JimsApiError } from './errors.ts';
import type { FollowedRun } from './run-stream.ts';
import { threadsOf } from './threads.ts';
import type { JimsThreads } from './threads.ts';
import { asJimsApiError } from './transport.ts';
import type { Transport } from './transport.ts';

/** What the parts of a chat share: its state, who listens to it, and the service. */
export class ChatStore {
  readonly transport: Transport;
  readonly threads: JimsThreads;
  state: ChatState;
  /** Settles when no message is on its way; never rejects. */
  sending: Promise<unknown> = Promise.resolve();
  /**
   * Runs that are not over, as far as they are known, in the order in which they were accepted; also the one that
   * has ended, until the log is read.
   */
  readonly active: Map<string, FollowedRun> = new Map();
  /** Ends when the chat is left. */
  readonly life: AbortController = new AbortController();
  readonly listeners: Set<() => void> = new Set();
  #snapshot: ChatSnapshot | undefined;
  #announced: ChatSnapshot | undefined;

  constructor(transport: Transport, first: Partial<ChatState>) {
    this.transport = transport;
    this.threads = threadsOf(transport, this.life.signal);
    this.state = { ...NEW_CHAT, ...first };
  }

  /** Replaces the members that change. */
  set(change: Partial<ChatState>): void {
    this.update((state) => ({ ...state, ...change }));
  }

  /** Changes a message, by its id or its key. */
  change(messageId: string, change: Partial<ChatMessage>): void {
    this.update((state) => withChange(state, messageId, change));
  }

  update(change: (state: ChatState) => ChatState): void {
    this.state = change(this.state);
    // What changes together is announced once.
    queueMicrotask(() => {
      const snapshot = this.getSnapshot();
      if (snapshot === this.#announced) return;
      this.#announced = snapshot;
      for (const listener of this.listeners) listener();
    });
  }

  /** Takes what is known of the connection. */
  readonly onLine = (isLost: boolean): void => this.set({ isLost });

  /** Shows why something failed. */
  fail(thrown: unknown): JimsApiError {
    const error = asJimsApiError(thrown);
    this.set({ error });
    return error;
  }

  readonly getSnapshot = (): ChatSnapshot => {
    const { threadId, title, messages, question, error, older, run, isOver } = this.state;
    // Which message asks may be known later than the question.
    const asks = question && messages.findLast(({ questionId }) => questionId === question.id);
    this.#snapshot = same(this.#snapshot, {
      threadId,
      title,
      messages,
      status: statusOf(this.state, this.active.size > Number(isOver)),
      run: isOver ? undefined : run,
      question: question && same(this.#snapshot?.question, { ...question, messageId: asks?.id }),
      error,
      hasOlder: older !== null,
    });
    return this.#snapshot;
  };
}

function statusOf(
  { isLoading, isLost, error, messages }: ChatState,
  isAnswering: boolean,
): ChatSnapshot['status'] {
  if (isLost) return 'reconnecting';
  if (isLoading && !error) return 'loading';
  if (isAnswering) return 'answering';
  const isSending = messages.some(({ state }) => state === 'queued' || state === 'sending');
  return isSending ? 'sending' : 'ready';
}
