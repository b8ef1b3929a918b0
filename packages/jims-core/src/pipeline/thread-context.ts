import type { StandardSchemaV1 } from '@standard-schema/spec';

import { JimsError } from '../errors/jims-error.ts';
import type { Llm } from '../llm/llm.ts';
import { cleanText } from '../text/clean-text.ts';
import { PieceReader } from '../text/text-pieces.ts';
import {
  ASSISTANT_MESSAGE,
  ASSISTANT_MESSAGE_WITH_BUTTONS,
  STATE_PREFIX,
  eventDomain,
  eventName,
  isCommunication,
  newEvent,
} from '../thread/event.ts';
import type { CommunicationEvent, JsonObject, NewEvent, ThreadEvent } from '../thread/event.ts';
import { newId } from '../thread/new-id.ts';
import type { Principal } from '../thread/principal.ts';
import type { Thread } from '../thread/thread.ts';
import type { ThreadLog } from './thread-log.ts';

/** Where what a pipeline sends goes. Each call may throw: the pipeline then ends there. */
export interface ContextOutput {
  event(event: NewEvent): void;
  status(status: AgentStatus): void;
  delta(delta: { readonly messageId: string; readonly delta: string }): void;
  /** Something that the run has to wait for, also when the pipeline does not. */
  pending(work: Promise<unknown>): void;
}

/** What the agent is doing, for a person who waits. */
export interface AgentStatus {
  readonly message: string;
  /** What kind of status; a plain text given as a status has the type `status`. */
  readonly statusType: string;
}

/** A button under a message: a text, and whatever else the app's clients know about. */
export type Button = JsonObject & { readonly text: string };

export interface ThreadContextOptions {
  readonly thread: Thread;
  readonly log: ThreadLog;
  readonly output: ContextOutput;
  readonly signal: AbortSignal;
  readonly runId: string;
  readonly principal?: Principal | undefined;
  readonly llm: () => Llm;
}

/**
 * What a pipeline sees of its thread, and how it answers. What it sends is kept when the pipeline
 * returns, all of it or nothing; who listens to the run sees it at once.
 */
export class ThreadContext {
  readonly threadId: string;
  readonly contactId: string | undefined;
  readonly threadConfig: JsonObject;
  /** Aborts on cancel, deadline and shutdown: hand it to whatever waits. */
  readonly signal: AbortSignal;
  readonly runId: string;
  /** Who asked for this run; `undefined` when it was started in code. */
  readonly principal: Principal | undefined;
  readonly #log: ThreadLog;
  readonly #output: ContextOutput;
  readonly #llm: () => Llm;
  readonly #outgoing: NewEvent[] = [];
  /** Messages that are being streamed: what came of each so far. */
  #unfinished: Map<string, string> | undefined;
  #history: readonly CommunicationEvent[] | undefined;

  constructor(options: ThreadContextOptions) {
    const { thread, log, output, signal, runId, principal, llm } = options;
    this.threadId = thread.id;
    this.contactId = thread.contactId;
    this.threadConfig = thread.config;
    this.signal = signal;
    this.runId = runId;
    this.principal = principal;
    this.#log = log;
    this.#output = output;
    this.#llm = llm;
  }

  /**
   * The events of the thread when the run began, oldest first: every one of them, unless the thread
   * {@link isCut}.
   */
  get events(): readonly ThreadEvent[] {
    return this.#log.events;
  }

  /**
   * Whether the thread is larger than a run loads (`maxThreadSize` of the run limits, 16 MiB unless
   * set otherwise). Then `events` and `history` have only its newest part, and `events` begins with the
   * newest value of each state that was set before that part: `getState` is right in any case.
   *
   * @example
   * ```ts
   * if (ctx.isCut) ctx.sendMessage('I only remember the last part of our talk.');
   * ```
   */
  get isCut(): boolean {
    return this.#log.isCut;
  }

  /** What user and assistant said, oldest first: the data of the `comm.*` events. */
  get history(): readonly CommunicationEvent[] {
    this.#history ??= this.events.filter(isSaid).map((event) => event.data);
    return this.#history;
  }

  /** Language models, their usage counted for this run; ended when it is stopped. */
  get llm(): Llm {
    return this.#llm();
  }

  /** What this run has sent so far. */
  get outgoingEvents(): readonly NewEvent[] {
    return this.#outgoing;
  }

  /** The newest thing that the user said; `undefined` in a thread where he said nothing. */
  get lastUserMessage(): string | undefined {
    return this.#lastByUser()?.data.content;
  }

  /** The newest `comm.*` event by the user, its name without `comm.` (`user_message`, `user_button_click`, …). */
  get lastUserAction(): { name: string; content: string } | undefined {
    const last = this.#lastByUser();
    return last && { name: eventName(last.type), content: last.data.content };
  }

  /**
   * The end of the conversation for a language model: the last `conversationLength` `comm.*` events
   * and the `context.*` events between and after them, oldest first.
   */
  context(conversationLength = 20): CommunicationEvent[] {
    const window: CommunicationEvent[] = [];
    let said = 0;
    for (const event of this.#log.backwards()) {
      if (said === conversationLength) break;
      const domain = eventDomain(event.type);
      if ((domain === 'comm' || domain === 'context') && isCommunication(event.data)) {
        window.push(event.data);
        if (domain === 'comm') said++;
      }
    }
    return window.toReversed();
  }

  /** Answers the user. */
  sendMessage(text: string): void;
  /**
   * Answers with a text that is still being made: every chunk reaches listeners at once, the whole
   * is stored as one message. A chunk may end within a character. Resolves with the stored text;
   * rejects with what the iterable threw.
   */
  sendMessage(chunks: AsyncIterable<string>): Promise<string>;
  sendMessage(message: string | AsyncIterable<string>): void | Promise<string> {
    if (typeof message === 'string') {
      return this.sendEvent(ASSISTANT_MESSAGE, { role: 'assistant', content: message });
    }
    const streamed = this.#stream(message);
    this.#output.pending(streamed);
    return streamed;
  }

  /** Answers with a text and buttons to choose from. */
  sendMessageWithButtons(text: string, buttons: readonly Button[]): void {
    const data = { role: 'assistant', content: text, buttons };
    this.sendEvent(ASSISTANT_MESSAGE_WITH_BUTTONS, data);
  }

  /**
   * Adds an event to the thread.
   *
   * @throws JimsError `invalid_event` when data is not an object that JSON can hold, `run_over`
   * after the run has ended.
   */
  sendEvent(eventType: string, data: object): void {
    this.#send(newEvent(eventType, data));
  }

  /** Keeps a value under a name for later runs of this thread, as the event `state.set.<name>`. */
  setState(name: string, value: object): void {
    this.sendEvent(STATE_PREFIX + name, value);
  }

  /**
   * The newest value kept under a name, also one set in this run; `undefined` when there is none.
   *
   * @throws JimsError `invalid_state` when the value does not fit the schema; its `cause` has the issues.
   */
  getState<T>(name: string, schema: StandardSchemaV1<unknown, T>): T | undefined {
    const type = STATE_PREFIX + cleanText(name);
    const isIt = (event: NewEvent | ThreadEvent): boolean => event.type === type;
    const stored = this.#outgoing.findLast(isIt) ?? this.#log.findLast(isIt);
    if (!stored) return undefined;
    const checked = schema['~standard'].validate(stored.data);
    if (checked instanceof Promise) {
      throw new JimsError(
        'invalid_state',
        `The schema of state '${name}' must not be asynchronous`,
      );
    }
    if (!checked.issues) return checked.value;
    const reasons = checked.issues.map((issue) => issue.message).join('; ');
    throw new JimsError('invalid_state', `State '${name}' does not fit its schema: ${reasons}`, {
      cause: checked.issues,
    });
  }

  /**
   * Tells who waits what is going on. Not kept.
   *
   * @throws JimsError `invalid_event` for what is no text, `run_over` after the run has ended.
   */
  updateAgentStatus(status: string | AgentStatus): void {
    const { message, statusType } =
      typeof status === 'string' ? { message: status, statusType: 'status' } : status;
    this.#output.status({
      message: cleanText(asText('A status', message)),
      statusType: cleanText(asText('The type of a status', statusType)),
    });
  }

  /**
   * What the user has seen of this run's messages, for a run that ends before its pipeline does: the
   * sent ones, and those still being streamed, marked `partial`.
   */
  seenEvents(): NewEvent[] {
    const partial = [...(this.#unfinished ?? [])].map(([id, content]) =>
      newEvent(ASSISTANT_MESSAGE, { role: 'assistant', content, partial: true }, id),
    );
    return [...this.#outgoing.filter(({ type }) => eventDomain(type) === 'comm'), ...partial];
  }

  async #stream(chunks: AsyncIterable<string>): Promise<string> {
    const messageId = newId();
    const unfinished = (this.#unfinished ??= new Map());
    const reader = new PieceReader();
    let content = '';
    const send = (delta: string): void => {
      content += delta;
      this.#output.delta({ messageId, delta });
      unfinished.set(messageId, content);
    };
    for await (const chunk of chunks) {
      reader.read(asText('A piece of a message', chunk)).forEach(send);
    }
    reader.end().forEach(send);
    unfinished.delete(messageId);
    this.#send(newEvent(ASSISTANT_MESSAGE, { role: 'assistant', content }, messageId));
    return content;
  }

  #send(event: NewEvent): void {
    this.#output.event(event);
    this.#outgoing.push(event);
  }

  #lastByUser(): (ThreadEvent & { readonly data: CommunicationEvent }) | undefined {
    return this.#log.findLast(isSaidByUser);
  }
}

/** What listeners are told is written into their streams much later: it must be a text by then. */
function asText(what: string, value: string): string {
  if (typeof value === 'string') return value;
  throw new JimsError('invalid_event', `${what} must be a text`);
}

type Said = ThreadEvent & { readonly data: CommunicationEvent };

function isSaid(event: ThreadEvent): event is Said {
  return eventDomain(event.type) === 'comm' && isCommunication(event.data);
}

function isSaidByUser(event: ThreadEvent): event is Said {
  return isSaid(event) && event.data.role === 'user';
}
