import type { ChatRequest, Include, JsonObject } from './wire.ts';

/** What goes with a message. */
export interface MessageOptions {
  /** Default: the client's. */
  readonly contactId?: string | undefined;
  /** Default: the latest thread of the contact. */
  readonly threadId?: string | undefined;
  /** Makes a new thread instead of continuing one; default false. */
  readonly newThread?: boolean | undefined;
  /** For the app to read; kept when a thread is made. */
  readonly threadConfig?: JsonObject | undefined;
  /** Lets the app greet first when this message makes a thread; default false. */
  readonly greet?: boolean | undefined;
  /** The ids of files that were uploaded. */
  readonly files?: readonly string[] | undefined;
  /** What the message is stored as; default `comm.user_message`. */
  readonly eventType?: string | undefined;
  /** More than the answer itself. */
  readonly include?: readonly Include[] | undefined;
  /** What to do when the thread has a run already; default: what the service is set to. */
  readonly onBusy?: 'queue' | 'reject' | 'interrupt' | undefined;
  /** The most seconds that the answer may take. */
  readonly timeout?: number | undefined;
  /** The id of the question that the message answers. */
  readonly answers?: string | undefined;
}

/** The body of the request of a message. What is undefined is not sent. */
export function chatRequest(message: string, { greet, ...options }: MessageOptions): ChatRequest {
  return {
    message,
    ...(greet && { run_conversation_start_on_new_thread: true }),
    ...snakeCase({ ...options }),
  };
}

/** Members with the names of the wire: `contactId` is `contact_id`. */
export function snakeCase<T>(options: Readonly<Record<string, T>>): Record<string, T> {
  const named = Object.entries(options).map(([name, value]) => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value,
  ]);
  return Object.fromEntries(named);
}

/** A key that no other request of the caller has. Pages without https have no `crypto.randomUUID`. */
export function newKey(): string {
  return `${Math.random()}-${Math.random()}`;
}
