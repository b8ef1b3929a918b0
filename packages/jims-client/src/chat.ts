import type { ChatFeedback, ChatSnapshot } from './chat-snapshot.ts';
import type { MessageOptions } from './message-options.ts';

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

/** What goes with a message. */
export interface SendOptions {
  /** Uploaded first, with progress in the message. */
  readonly files?: readonly Blob[];
}

/** What was in a message that was taken back. */
export interface TakenBack {
  readonly text: string;
  /** Those that were sent with it. */
  readonly files: readonly Blob[];
}

/**
 * A live chat: what a user interface binds to. It has the shape that React's `useSyncExternalStore` and
 * other stores want.
 */
export interface Chat {
  /** Calls `listener` after each change; returns what ends that. */
  readonly subscribe: (listener: () => void) => () => void;
  readonly getSnapshot: () => ChatSnapshot;
  /**
   * Sends a message of the contact; resolves when it is accepted. While the service cannot be reached it is
   * tried ten times, for about a minute, or until `close`. Then the message is `failed`, and this rejects with
   * the `JimsApiError` that is the snapshot's `error`, too. So does every function here.
   */
  readonly send: (text: string, options?: SendOptions) => Promise<void>;
  /**
   * Stops the run that is answering. What was seen of the answer stays. Resolves when the run is over and the chat
   * has its end, or after ten seconds.
   */
  readonly stop: () => Promise<void>;
  /** Clicks a button of a message. */
  readonly click: (buttonId: string) => Promise<void>;
  /** Answers the open question. */
  readonly answer: (value: unknown) => Promise<void>;
  /**
   * Sends messages that are `failed` once more, and calls for a greeting that did not come. A last run that failed
   * goes on in its thread where the service can do that (for services, in durable apps); else its message is sent
   * again in a copy that replaces the thread.
   */
  readonly retry: () => Promise<void>;
  /** Replaces a message of the contact, and what came after it: the chat goes on in a copy that replaces the thread. */
  readonly edit: (messageId: string, text: string) => Promise<void>;
  /**
   * Takes a message back that is `failed`. Returns what was in it, such as for the user to write it again; `undefined`
   * for any other message.
   */
  readonly discard: (messageId: string) => TakenBack | undefined;
  /** Fetches the page of messages before the oldest one. */
  readonly loadOlder: () => Promise<void>;
  /** Says what the contact thinks of a message of the app; `undefined` takes it back. */
  readonly giveFeedback: (messageId: string, feedback: ChatFeedback | undefined) => Promise<void>;
  /** Leaves the chat, and gives up what is being sent. Its run goes on. */
  readonly close: () => void;
}
