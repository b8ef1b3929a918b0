import type { JimsApiError } from './errors.ts';

/** A chat at one moment. Immutable: what has not changed is the same object as before. */
export interface ChatSnapshot {
  /** The thread; `undefined` until the app greets in a new one, or its first message is accepted. */
  readonly threadId: string | undefined;
  readonly title: string | undefined;
  /** Oldest first. */
  readonly messages: readonly ChatMessage[];
  /**
   * - `loading`: what was said before is being fetched, or the app is being called to greet.
   * - `ready`: nothing is going on; also after an error.
   * - `sending`: a message is on its way, and not accepted yet.
   * - `answering`: a run is answering, or waits for its turn; `stop` ends it.
   * - `reconnecting`: the connection is lost, and is tried again; messages can be sent.
   */
  readonly status: 'loading' | 'ready' | 'sending' | 'answering' | 'reconnecting';
  /** The run that is answering. */
  readonly run: ChatRun | undefined;
  /**
   * The open question to the contact: their next message, or `answer`, answers it. What it asks is also a
   * message: draw one of the two.
   */
  readonly question: ChatQuestion | undefined;
  /** Why the last action failed; the next one that works takes it away. */
  readonly error: JimsApiError | undefined;
  /** Whether `loadOlder` would find more. */
  readonly hasOlder: boolean;
}

/** The run that is answering. */
export interface ChatRun {
  readonly runId: string;
  /** The last status of the app, such as "Looking up your order". */
  readonly status: string | undefined;
  /** Its steps that the caller may see, in the order in which they began. */
  readonly steps: readonly ChatWork[];
  /** More than 1 when it was lost and runs again. */
  readonly attempt: number;
}

/** A step of a run, or a tool that was called for a message. A contact sees its title alone. */
export interface ChatWork {
  readonly id: string;
  readonly name?: string;
  readonly title?: string;
  readonly status: 'running' | 'completed' | 'failed';
  readonly input?: unknown;
  readonly output?: unknown;
  readonly error?: string;
}

/** One message, of the contact or of the app. */
export interface ChatMessage {
  /** The id of its event. A message that is being sent has an id of the client until it is stored. */
  readonly id: string;
  /** The same before and after it is stored: for lists of a user interface. */
  readonly key: string;
  readonly role: 'user' | 'assistant';
  readonly text: string;
  /**
   * - `queued`: of the contact, waits for messages before it or for the connection; not accepted.
   * - `sending`: of the contact, on its way; not accepted yet.
   * - `failed`: of the contact, not accepted; `retry` sends it again, `edit` changes it first, `discard` takes it
   *   back.
   * - `growing`: of the app, more is coming.
   * - `partial`: of the app, cut off when its run was stopped.
   * - `complete`: accepted, or whole.
   */
  readonly state: 'queued' | 'sending' | 'failed' | 'growing' | 'partial' | 'complete';
  /** The type of its event, such as `comm.user_message` or `comm.user_button_click`. */
  readonly type: string;
  /** UTC, ISO 8601; `undefined` until it is stored. */
  readonly createdAt?: string | undefined;
  readonly runId?: string | undefined;
  readonly buttons: readonly ChatButton[];
  readonly files: readonly ChatFile[];
  readonly sources: readonly ChatSource[];
  readonly tools: readonly ChatWork[];
  /** What the model thought; empty when nothing of it was sent or kept. */
  readonly reasoning: string;
  readonly feedback?: ChatFeedback | undefined;
  /** Of the contact: its run failed. `retry` lets the last message have another one. */
  readonly isUnanswered: boolean;
  /** The question that the message asks, open or not. */
  readonly questionId?: string | undefined;
}

export interface ChatButton {
  readonly id: string;
  readonly text: string;
}

/** A file of a message, or one that is on its way to the service. */
export interface ChatFile {
  /** `undefined` until it is uploaded. */
  readonly fileId?: string | undefined;
  readonly name: string;
  readonly mediaType: string;
  /** In bytes. */
  readonly size: number;
  /** From 0 to 1 while it is uploaded, then 1. */
  readonly progress: number;
  /** Where its bytes are, below the client's `url`; it needs the client's token unless the service signs addresses. */
  readonly url?: string | undefined;
}

export interface ChatSource {
  readonly url: string;
  readonly title?: string;
  readonly excerpt?: string;
}

export interface ChatQuestion {
  readonly id: string;
  /** The message that asks it; `undefined` when that is not among the messages. */
  readonly messageId?: string | undefined;
  readonly text?: string;
  readonly buttons: readonly ChatButton[];
  /** The JSON Schema of an answer, where the app has one. */
  readonly schema?: Readonly<Record<string, unknown>>;
  /** UTC, ISO 8601. */
  readonly expiresAt: string;
}

export interface ChatFeedback {
  readonly value: 'up' | 'down';
  readonly comment?: string;
}
