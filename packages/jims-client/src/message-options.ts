import type { CallOptions } from './transport.ts';
import type { ChatRequest, Include, JsonObject } from './wire.ts';

/** What goes with a message. */
export interface MessageOptions {
  /** Default: the client's. */
  readonly contactId?: string;
  /** Default: the latest thread of the contact. */
  readonly threadId?: string;
  /** Makes a new thread instead of continuing one; default false. */
  readonly newThread?: boolean;
  /** For the app to read; kept when a thread is made. */
  readonly threadConfig?: JsonObject;
  /** Lets the app greet first when this message makes a thread; default false. */
  readonly greet?: boolean;
  /** The ids of files that were uploaded. */
  readonly files?: readonly string[];
  /** What the message is stored as; default `comm.user_message`. */
  readonly eventType?: string;
  /** More than the answer itself. */
  readonly include?: readonly Include[];
  /** What to do when the thread has a run already; default: what the service is set to. */
  readonly onBusy?: 'queue' | 'reject' | 'interrupt';
  /** The most seconds that the answer may take. */
  readonly timeout?: number;
  /** The id of the question that the message answers. */
  readonly answers?: string;
  /** The same key with the same message is the same run, for a day; default: a new one. */
  readonly idempotencyKey?: string;
  /** Ends the waiting. The run goes on. */
  readonly signal?: AbortSignal;
}

/** The request of a message. */
export function chatRequest(
  message: string,
  options: MessageOptions,
): CallOptions & { readonly body: ChatRequest } {
  const { contactId, threadId, newThread, threadConfig, greet, eventType, onBusy, signal, ...rest } =
    options;
  const { idempotencyKey = crypto.randomUUID(), ...same } = rest;
  const body = {
    message,
    contact_id: contactId,
    thread_id: threadId,
    new_thread: newThread,
    thread_config: threadConfig,
    run_conversation_start_on_new_thread: greet,
    event_type: eventType,
    on_busy: onBusy,
    ...same,
  };
  // JSON leaves out what is undefined.
  return { key: idempotencyKey, body: JSON.parse(JSON.stringify(body)), signal };
}
