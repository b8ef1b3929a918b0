import type { StandardSchemaV1 } from '@standard-schema/spec';

import { JimsError } from '../errors/jims-error.ts';
import type { Llm } from '../llm/llm.ts';
import { cleanText } from '../text/clean-text.ts';
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
import { MessageSources } from '../thread/message-sources.ts';
import { filesOfMessage } from '../thread/message.ts';
import type { Principal } from '../thread/principal.ts';
import type { Thread } from '../thread/thread.ts';
import { titleEvent } from '../thread/title.ts';
import type { ContextFiles, ThreadFile } from './context-files.ts';
import type { ContextJournal, ReadMessage, StreamedMessage } from './context-journal.ts';
import * as values from './given-values.ts';
import { dataOf, plainBody } from './message-body.ts';
import type { MessageNews, MessageOptions, MessagePieces } from './message-part.ts';
import { MessageReader, onePiece } from './message-reader.ts';
import type {
  AskOptions,
  Button,
  ContactAnswer,
  ServiceAnswer,
  ServiceQuestion,
} from './question.ts';
import { stateValue } from './state-value.ts';
import type { StepNews, StepOptions, StepScope } from './step.ts';
import type { ThreadLog } from './thread-log.ts';

/** Takes what a pipeline sends. Each call may throw, which the pipeline then sees. */
export interface ContextOutput {
  /** The events that were sent, in order. */
  readonly sent: readonly NewEvent[];
  event(event: NewEvent): void;
  /** As `event`, for a message whose pieces were sent under its id. */
  message(event: NewEvent): void;
  status(status: AgentStatus): void;
  step(news: StepNews): void;
  /** A piece of a message that is being made. */
  piece(news: MessageNews): void;
}

/** What the agent is doing, for a person who waits. */
export interface AgentStatus {
  readonly message: string;
  /** The kind of status; a status given as a string has the type `status`. */
  readonly statusType: string;
}

export interface ThreadContextOptions {
  readonly thread: Thread;
  readonly journal: ContextJournal;
  readonly output: ContextOutput;
  readonly signal: AbortSignal;
  readonly runId: string;
  readonly principal?: Principal | undefined;
  readonly llm: () => Llm;
  /** Where its files are kept; without it its messages have none. */
  readonly files?: ContextFiles | undefined;
}

/**
 * What a pipeline sees of its thread, and how it answers. Listeners of the run get at once what it
 * sends. It is stored when the pipeline returns: all of it, or nothing when the pipeline throws.
 *
 * @example
 * ```ts
 * export const app = defineApp(async (ctx) => {
 *   ctx.updateAgentStatus('Thinking…');
 *   await ctx.sendMessage(ctx.llm.stream(ctx.context()));
 * });
 * ```
 */
export class ThreadContext {
  readonly threadId: string;
  readonly contactId: string | undefined;
  readonly threadConfig: JsonObject;
  /** Aborts when the run is stopped, by a cancel, its deadline or a shutdown: pass it to whatever waits. */
  readonly signal: AbortSignal;
  /** The run that executes the pipeline now: another one after each answer, so do not branch on it. */
  readonly runId: string;
  /** The run that began this execution of the pipeline: the same after each answer and each crash. */
  readonly chainId: string;
  /** The app's version that began it, for code that must go on as that version did. */
  readonly chainVersion: string | undefined;
  /** The caller whose request began this execution; `undefined` when it was begun in code. */
  readonly principal: Principal | undefined;
  readonly #journal: ContextJournal;
  readonly #output: ContextOutput;
  readonly #llm: () => Llm;
  readonly #files: ContextFiles | undefined;
  #history: { readonly log: ThreadLog; readonly said: readonly CommunicationEvent[] } | undefined;

  constructor(options: ThreadContextOptions) {
    const { thread, journal, output, signal, runId, principal, llm, files } = options;
    this.threadId = thread.id;
    this.contactId = thread.contactId;
    this.threadConfig = thread.config;
    this.signal = signal;
    this.runId = runId;
    this.principal = principal;
    this.chainId = journal.chainId;
    this.chainVersion = journal.chainVersion;
    this.#journal = journal;
    this.#output = output;
    this.#llm = llm;
    this.#files = files;
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

  /** The messages of user and assistant, oldest first: the data of the `comm.*` events. */
  get history(): readonly CommunicationEvent[] {
    const log = this.#log;
    if (this.#history?.log !== log) {
      this.#history = { log, said: log.events.filter(isSaid).map((event) => event.data) };
    }
    return this.#history.said;
  }

  /** The language models. Their usage is counted for this run; a call ends when the run is stopped. */
  get llm(): Llm {
    return this.#llm();
  }

  /** The events that this run has sent so far. */
  get outgoingEvents(): readonly NewEvent[] {
    return this.#output.sent;
  }

  /** The content of the newest `comm.*` event by the user; `undefined` in a thread without one. */
  get lastUserMessage(): string | undefined {
    return this.#lastByUser()?.data.content;
  }

  /** The newest `comm.*` event by the user; its name is `user_message`, `user_button_click`, … */
  get lastUserAction(): { name: string; content: string } | undefined {
    const last = this.#lastByUser();
    return last && { name: eventName(last.type), content: last.data.content };
  }

  /**
   * The files of the newest `comm.*` event by the user. Their bytes are read when that is asked for.
   *
   * @example
   * ```ts
   * const [photo] = ctx.files;
   * if (photo?.mediaType.startsWith('image/')) await describe(await photo.bytes());
   * ```
   */
  get files(): readonly ThreadFile[] {
    const files = this.#files;
    const newest = this.#lastByUser();
    return files && newest ? filesOfMessage(newest.data).map((file) => files.named(file)) : [];
  }

  /**
   * Gives a file of this thread, or of its contact, by its id.
   *
   * @throws JimsError `file_not_found`
   * @example
   * const menu = await ctx.file(fileId);
   */
  async file(fileId: string): Promise<ThreadFile> {
    if (this.#files) return this.#files.open(fileId);
    throw new JimsError('app_invalid', 'A thread has files only in an app');
  }

  /**
   * Gives the end of the conversation for a language model: the last `conversationLength` `comm.*`
   * events and the `context.*` events between and after them, oldest first.
   *
   * @example
   * ```ts
   * const answer = await ctx.llm.chatCompletionPlain(ctx.context(10));
   * ```
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

  /**
   * Answers the user.
   *
   * @throws JimsError as `sendEvent`; `invalid_event` for a source whose `url` is not a web address.
   */
  sendMessage(text: string, options?: Pick<MessageOptions, 'sources'>): void;
  /**
   * Answers with files. They are stored before the message, so it comes when the promise resolves.
   *
   * @example
   * ```ts
   * const file = { name: 'hours.csv', mediaType: 'text/csv', data: Buffer.from('Mon,9-17') };
   * await ctx.sendMessage('Here are our hours.', { files: [file] });
   * ```
   */
  sendMessage(
    text: string,
    options: MessageOptions & Pick<Required<MessageOptions>, 'files'>,
  ): Promise<string>;
  /**
   * Answers with a message that is still being made: every piece reaches listeners at once, the whole
   * is stored as one message. A piece is text, which may end within a character, or a `MessagePart`; the
   * `fullStream` of the AI SDK goes in as it is. Resolves with the content of the message; rejects with what
   * the iterable throws. The run waits for the message in any case.
   *
   * @example
   * ```ts
   * const content = await ctx.sendMessage(ctx.llm.stream(ctx.context()));
   * ```
   */
  sendMessage(pieces: MessagePieces, options?: MessageOptions): Promise<string>;
  sendMessage(
    message: string | MessagePieces,
    options: MessageOptions = {},
  ): void | Promise<string> {
    values.requireMessage('A message', message);
    if (typeof message === 'string' && !options.files) return this.#say(message, options.sources);
    const pieces = typeof message === 'string' ? onePiece(message) : message;
    return this.#stream(pieces, options, (body, id) => {
      this.#output.message(newEvent(ASSISTANT_MESSAGE, dataOf(body), id));
    });
  }

  /**
   * Answers with text and buttons to choose from. A click is a `comm.user_button_click` with the `id` of
   * the button as its content.
   *
   * @example
   * ```ts
   * ctx.sendMessageWithButtons('Which size?', [{ text: 'Small', id: 'small' }]);
   * ```
   */
  sendMessageWithButtons(text: string, buttons: readonly Button[]): void {
    values.requireButtons(buttons);
    const content = values.asText('A message with buttons', text);
    const data = { role: 'assistant', content, buttons };
    this.sendEvent(ASSISTANT_MESSAGE_WITH_BUTTONS, data);
  }

  /**
   * Adds an event to the thread, of a type such as `rag.answer`. Clients see it, unless its type begins
   * with `context.`, `state.` or `jims.`.
   *
   * @throws JimsError `invalid_event` for a type without a domain, or data that is not an object that JSON
   * can hold; `run_over` after the run has ended; `pipeline_failed` when the run sends too much.
   * @example
   * ```ts
   * ctx.sendEvent('rag.answer', { documents: ['faq.md'] });
   * ```
   */
  sendEvent(eventType: string, data: object): void {
    this.#output.event(newEvent(eventType, data));
  }

  /**
   * Gives the thread a title for lists of threads, on one line of at most 80 characters. Without one it is
   * the beginning of the contact's first message; `null` brings that back.
   *
   * @throws JimsError as `sendEvent`.
   * @example
   * ```ts
   * ctx.setTitle('Refund of order 17');
   * ```
   */
  setTitle(title: string | null): void {
    this.#output.event(titleEvent(title));
  }

  /**
   * Keeps a value under a name for later runs of this thread, as the event `state.set.<name>`.
   *
   * @throws JimsError as `sendEvent`.
   */
  setState(name: string, value: object): void {
    values.requireState(name, value);
    this.sendEvent(STATE_PREFIX + name, value);
  }

  /**
   * Gives the newest value under a name, also one that this run has set; `undefined` without one.
   *
   * @throws JimsError `invalid_state` when the value does not fit the schema; its `cause` has the issues.
   * @example
   * ```ts
   * const order = ctx.getState('order', v.object({ size: v.string() }));
   * ```
   */
  getState<T>(name: string, schema: StandardSchemaV1<unknown, T>): T | undefined {
    values.requireSchema(name, schema);
    const type = STATE_PREFIX + cleanText(name);
    const isIt = (event: NewEvent | ThreadEvent): boolean => event.type === type;
    const stored = this.outgoingEvents.findLast(isIt) ?? this.#log.findLast(isIt);
    return stored && stateValue(name, stored.data, schema);
  }

  /**
   * Does a piece of work once. Its result is stored before the pipeline gets it, and whenever the pipeline
   * is executed again, after a crash, a deploy or an answer, it gets the stored result: the work is not
   * called any more. Work that was under way when the process died is called again, with the same
   * `idempotencyKey`. A failure is a result, too.
   *
   * Several steps of one name are told apart by their order. The result must be plain JSON.
   *
   * @throws StepFailed when the work fails; JimsError `step_result_invalid` for a result that JSON would
   * change, `step_nested` inside another step.
   * @example
   * ```ts
   * const order = await ctx.step('find order', () => orders.find(ctx.lastUserMessage));
   * await ctx.step('refund', ({ idempotencyKey }) => payments.refund(order.id, { idempotencyKey }));
   * ```
   */
  step<T>(
    name: string,
    work: (scope: StepScope) => T | Promise<T>,
    options: StepOptions = {},
  ): Promise<T> {
    const kept = values.asName(name);
    values.requireWork(kept, work);
    values.requireStepOptions(kept, options);
    return this.#journal.step(kept, work, options);
  }

  /**
   * Asks the contact, or a service, and goes on with the answer: a second or a month later, in whatever
   * process there is then. What was sent so far is stored, and the run is over; the answer is a new run,
   * which executes the pipeline again up to here, with the results of its steps. So nothing that waits
   * for the answer holds anything; code after an `await ctx.ask` that never gets an answer never runs.
   *
   * @throws JimsError `cannot_ask` in a conversation start that runs with the first message, and in a pipeline of
   * `ThreadController.run`;
   * `step_nested` inside a step; `answer_invalid` for a service's value that does not fit the schema.
   * @example
   * ```ts
   * const reply = await ctx.ask('Refund it?', { buttons: [{ id: 'yes', text: 'Yes' }] });
   * if (reply.kind === 'message' && reply.buttonId === 'yes') await refund();
   * ```
   */
  ask<T = unknown>(question: ServiceQuestion<T>): Promise<ServiceAnswer<T>>;
  ask<T = unknown>(
    question: string | MessagePieces,
    options?: AskOptions<T>,
  ): Promise<ContactAnswer<T>>;
  ask<T>(
    question: ServiceQuestion<T> | string | MessagePieces,
    options: AskOptions<T> = {},
  ): Promise<ServiceAnswer<T> | ContactAnswer<T>> {
    if (values.isToService(question)) return this.#journal.askService(values.asQuestion(question));
    values.requireMessage('A question', question);
    return this.#journal.askContact(question, values.asQuestion(options), (pieces, send) =>
      this.#stream(pieces, {}, send),
    );
  }

  /**
   * The time, in milliseconds since 1970, the same in each execution: when the newest result was made that
   * the pipeline has, or when its execution began.
   */
  now(): number {
    return this.#journal.now();
  }

  /** A number from 0 up to 1 that nobody can foresee, the same in each execution. */
  random(): number {
    return this.#journal.random();
  }

  /**
   * Says what the app is doing, for a person who waits. It is not stored.
   *
   * @throws JimsError `invalid_event` when it is not a string; otherwise as `sendEvent`.
   * @example
   * ```ts
   * ctx.updateAgentStatus('Looking at the menu…');
   * ```
   */
  updateAgentStatus(status: string | AgentStatus): void {
    const { message, statusType } =
      typeof status === 'object' && status !== null
        ? status
        : { message: status, statusType: 'status' };
    this.#output.status({
      message: cleanText(values.asText('A status', message)),
      statusType: cleanText(values.asText('The type of a status', statusType)),
    });
  }

  #say(text: string, given: MessageOptions['sources'] = []): void {
    const sources = new MessageSources();
    given.forEach((source) => sources.add(source));
    this.sendEvent(ASSISTANT_MESSAGE, dataOf({ ...plainBody(text), sources: sources.list }));
  }

  #stream(
    source: MessagePieces,
    options: MessageOptions,
    send: StreamedMessage['send'],
  ): Promise<string> {
    const read: ReadMessage = (messageId, pieces, given) => {
      const news = (piece: MessageNews): void => this.#output.piece(piece);
      const reader = new MessageReader({ messageId, send: news, files: this.#files });
      return reader.read(pieces, given);
    };
    const sendAll: StreamedMessage['send'] = (body, messageId) => {
      for (const { type, data } of body.context) this.sendEvent(type, data);
      send(body, messageId);
    };
    return this.#journal.stream(read, { source, options, send: sendAll });
  }

  get #log(): ThreadLog {
    return this.#journal.log;
  }

  #lastByUser(): (ThreadEvent & { readonly data: CommunicationEvent }) | undefined {
    return this.#log.findLast(isSaidByUser);
  }
}

type Said = ThreadEvent & { readonly data: CommunicationEvent };

function isSaid(event: ThreadEvent): event is Said {
  return eventDomain(event.type) === 'comm' && isCommunication(event.data);
}

function isSaidByUser(event: ThreadEvent): event is Said {
  return isSaid(event) && event.data.role === 'user';
}
