import { setTimeout as sleep } from 'node:timers/promises';

import type { LanguageModelV4 } from '@ai-sdk/provider';

import { isJimsApp } from '../app/app.ts';
import type { JimsApp } from '../app/app.ts';
import { messageFile } from '../files/stored-files.ts';
import { requireBytes } from '../pipeline/context-files.ts';
import type { NewFile } from '../pipeline/context-files.ts';
import type { Run, RunRequest } from '../run/run.ts';
import type { QuestionRecord } from '../store/store.ts';
import { USER_MESSAGE, newEvent } from '../thread/event.ts';
import type { JsonObject, ThreadEvent } from '../thread/event.ts';
import type { Principal } from '../thread/principal.ts';
import type { DeathPoint } from './mortal-store.ts';
import { errorOfMissingAnswer, scriptedModel } from './scripted-model.ts';
import { scriptedModels } from './scripted-models.ts';
import { TestAnswer, buttonsIn } from './test-answer.ts';
import type { ObservedRun, SentEvent } from './test-answer.ts';
import { definitionOf } from './test-process.ts';
import { TestService, oneAtATime } from './test-service.ts';

const USER_BUTTON_CLICK = 'comm.user_button_click';
const QUESTIONS = 100;
const WAIT_MS = 2000;

/** Options of `testUser`. */
export interface TestUserOptions {
  /** Answers for every chat model that the app names; default: a call of a model fails the test. */
  readonly model?: LanguageModelV4;
  /** Default: `test`. */
  readonly contactId?: string;
  /** The config of the thread. Default: `{}`. */
  readonly threadConfig?: JsonObject;
  /** Who makes the requests, for `ctx.principal`; default: code. */
  readonly principal?: Principal;
  /** Whether the conversation start runs with the first message, before its answer; default false. See `open`. */
  readonly greet?: boolean;
  /**
   * Executes every run twice, the second time over the results of its steps, as when its process died just
   * before the end; a run that comes to anything else rejects, and says what was different. Default false. An
   * app that is not durable is made durable for it.
   */
  readonly everyRunTwice?: boolean;
}

/** Options of one message. */
export interface TurnOptions {
  /** Gives the answer also when the pipeline fails, with its `error`, and rejects when it does not fail. */
  readonly expectError?: boolean;
  /** Cancels the run when it aborts. */
  readonly signal?: AbortSignal;
}

/**
 * A contact who talks with an app in a test. The app is the one that is defined for production: it runs in memory,
 * and its own store, files and models are never opened.
 *
 * @example
 * ```ts
 * const model = scriptedModel([toolCall('lookup', { id: 'A17' }), 'It is on its way.']);
 * const user = testUser(app, { model });
 * const answer = await user.say('Where is A17?');
 * assert.equal(answer.text, 'It is on its way.');
 * model.done();
 * ```
 */
export function testUser(app: JimsApp, options: TestUserOptions = {}): TestUser {
  if (isJimsApp(app)) return new TestUser(app, options);
  throw new TypeError('testUser takes an app: what defineApp gives');
}

/** A contact in a test; see `testUser`. Every method rejects with what the pipeline throws, as it is. */
export class TestUser implements AsyncDisposable {
  readonly #own: JimsApp;
  readonly #options: TestUserOptions;
  readonly #model: LanguageModelV4;
  readonly #service: TestService;
  #threadId: string | undefined;
  #firstRunId: string | undefined;
  #point: DeathPoint | undefined;

  /** @internal Made by `testUser`. */
  constructor(app: JimsApp, options: TestUserOptions) {
    const { everyRunTwice = false, model = scriptedModel([]) } = options;
    const { llm } = definitionOf(app);
    const settings = llm && 'forRun' in llm ? {} : llm;
    this.#own = app;
    this.#options = options;
    this.#model = model;
    this.#service = new TestService(app, {
      llm: scriptedModels(model, settings),
      isDurable: everyRunTwice,
    });
    if (everyRunTwice) this.#point = {};
  }

  /**
   * Opens the chat before anything is said: the app greets, in a run of its own, and may ask. Later calls greet
   * again, in the same thread.
   *
   * @throws as `say`.
   * @example
   * const greeting = await user.open();
   * const answer = await user.click('small');
   */
  async open(options: TurnOptions = {}): Promise<TestAnswer> {
    return this.#start(options, async () => ({ greets: true }));
  }

  /**
   * Says something, and gives what the app makes of it.
   *
   * @throws what the pipeline throws, as it is; the JimsError of a run that failed otherwise.
   * @example
   * const answer = await user.say('What is on it?', { files: [{ name, mediaType: 'image/png', data }] });
   */
  async say(
    text: string,
    { files = [], ...options }: TurnOptions & { readonly files?: readonly NewFile[] } = {},
  ): Promise<TestAnswer> {
    return this.#message(options, async (app) => {
      for (const file of files) requireBytes(file);
      const uploads = files.map(({ name, mediaType, data }) => {
        const content = new Blob([data instanceof Blob ? data : new Uint8Array(data)]).stream();
        return app.files.upload({ contactId: this.#contactId, name, mediaType, content });
      });
      const sent = await Promise.all(uploads);
      const named = sent.length > 0 ? { files: sent.map(messageFile) } : {};
      return {
        incoming: newEvent(USER_MESSAGE, { role: 'user', content: text, ...named }),
        files: sent.map(({ fileId }) => fileId),
      };
    });
  }

  /**
   * Clicks on a button of the last message that has buttons: by its id, or by its text.
   *
   * @throws Error when there is no such button; as `say`.
   */
  async click(button: string, options: TurnOptions = {}): Promise<TestAnswer> {
    return this.#message(options, async (app) => {
      const buttons = buttonsIn(await this.#eventsIn(app)) ?? [];
      const found =
        buttons.find(({ id }) => id === button) ?? buttons.find(({ text }) => text === button);
      if (!found) throw noButton(button, buttons, this.#threadId === undefined);
      const content = String(found['id'] ?? found['text']);
      return { incoming: newEvent(USER_BUTTON_CLICK, { role: 'user', content }) };
    });
  }

  /**
   * Sends any other event, as a program would.
   *
   * @throws as `say`.
   * @example
   * await user.send({ type: 'shop.paid', data: { order: '7' } });
   */
  async send({ type, data }: SentEvent, options: TurnOptions = {}): Promise<TestAnswer> {
    return this.#message(options, async () => ({ incoming: newEvent(type, data) }));
  }

  /**
   * Answers a question to a service, by its name, as soon as it is open.
   *
   * @param options `by`: who answers.
   * @throws Error when it is not asked within two seconds; as `say`.
   * @example
   * await user.waitAndAnswer('approve refund', { approved: true });
   */
  async waitAndAnswer(
    name: string,
    value: unknown,
    { by, ...options }: TurnOptions & { readonly by?: Principal } = {},
  ): Promise<TestAnswer> {
    const { signal } = options;
    return this.#turn(options, async (app) => {
      const { questionId } = await this.#openQuestion(app, name, WAIT_MS);
      const answer = { questionId, value, ...(by && { by }), ...(signal && { signal }) };
      return app.questions.answer(answer);
    });
  }

  /**
   * The time of an open question is over: its pipeline goes on with `expired`.
   *
   * @param name Of a question to a service, or to the contact; default: the question to the contact.
   * @throws Error when it is not open; as `say`.
   */
  async expire(name?: string, options: TurnOptions = {}): Promise<TestAnswer> {
    const { questionId } = await this.#openQuestion(await this.app(), name, 0);
    return this.#answer(await this.#service.expire(questionId), options);
  }

  /**
   * The process of the app dies, and another one goes on: now, between two turns, or in the turn that `turn`
   * takes. It dies when the end of that run would be stored, or `in` a step, whose work is done again then, or
   * `after` a step. Rejects when a run that is executed again comes to something else.
   *
   * @throws Error for a turn of an app that is not durable, and when the step does not come.
   * @example
   * ```ts
   * const answer = await user.crashAndRecover(() => user.click('yes'), { in: 'refund' });
   * assert.equal(refunds.length, 1);
   * ```
   */
  crashAndRecover(): Promise<void>;
  crashAndRecover(turn: () => Promise<TestAnswer>, point?: DeathPoint): Promise<TestAnswer>;
  async crashAndRecover(
    turn?: () => Promise<TestAnswer>,
    point: DeathPoint = {},
  ): Promise<TestAnswer | void> {
    if (!turn) {
      await this.#service.restart();
      return;
    }
    if (!definitionOf(this.#own).durable && !this.#options.everyRunTwice) {
      throw new Error(
        'A run of this app is lost with its process: only a durable app goes on in another one. Define it with `durable: true`',
      );
    }
    const { everyRunTwice = false } = this.#options;
    if (this.#point && !everyRunTwice) throw oneAtATime();
    this.#point = point;
    try {
      return await turn();
    } finally {
      this.#point = everyRunTwice ? {} : undefined;
    }
  }

  /** The thread of the conversation; `undefined` before the first message. */
  get threadId(): string | undefined {
    return this.#threadId;
  }

  /** The events of the thread, oldest first, internal ones included. */
  async events(): Promise<readonly ThreadEvent[]> {
    return this.#eventsIn(await this.app());
  }

  /**
   * Gives the app that the test talks with, for what is not in a conversation: its threads, files and questions are
   * those of the test. It is another one after a crash.
   */
  async app(): Promise<JimsApp> {
    return (await this.#service.process()).app;
  }

  /**
   * Calls code that uses the app by its name, such as a webhook of yours: in it `app.threads` and the others are
   * those of the test.
   *
   * @example
   * await user.inApp(() => onPaid(user.threadId));
   */
  async inApp<T>(work: () => T): Promise<Awaited<T>> {
    const process = await this.#service.process();
    return await process.standIn(work);
  }

  /** Closes the app of the test. Memory is all that is lost without it. */
  close(): Promise<void> {
    return this.#service.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #contactId(): string {
    return this.#options.contactId ?? 'test';
  }

  async #eventsIn(app: JimsApp): Promise<readonly ThreadEvent[]> {
    if (this.#threadId === undefined) return [];
    return (await Array.fromAsync(app.threads.readEvents(this.#threadId))).flat();
  }

  #message(
    options: TurnOptions,
    message: (app: JimsApp) => Promise<Pick<RunRequest, 'incoming' | 'files'>>,
  ): Promise<TestAnswer> {
    const { greet = false } = this.#options;
    return this.#start(options, async (app) => ({
      conversationStart: greet,
      ...(await message(app)),
    }));
  }

  #start(
    options: TurnOptions,
    what: (app: JimsApp) => Promise<Omit<RunRequest, 'thread'>>,
  ): Promise<TestAnswer> {
    const { principal } = this.#options;
    const { signal } = options;
    return this.#turn(options, async (app) =>
      app.runs.start({
        thread: this.#thread,
        ...(principal && { principal }),
        ...(signal && { signal }),
        ...(await what(app)),
      }),
    );
  }

  get #thread(): RunRequest['thread'] {
    const contactId = this.#contactId;
    const { threadConfig = {} } = this.#options;
    const threadId = this.#threadId;
    if (threadId === undefined) return { kind: 'latest', contactId, threadConfig };
    return { kind: 'thread', threadId, contactId };
  }

  async #turn(options: TurnOptions, start: (app: JimsApp) => Promise<Run>): Promise<TestAnswer> {
    const begin = async (app: JimsApp): Promise<Run> => {
      const run = await start(app);
      this.#firstRunId ??= run.id;
      this.#threadId = run.thread.id;
      return run;
    };
    return this.#answer(await this.#service.run(begin, this.#point, options.signal), options);
  }

  async #answer(seen: ObservedRun, { expectError = false }: TurnOptions): Promise<TestAnswer> {
    const { threads } = await this.app();
    const log = (await Array.fromAsync(threads.allEvents(seen.run.thread))).flat();
    const answer = new TestAnswer(seen, log, seen.run.id === this.#firstRunId);
    const missing = errorOfMissingAnswer(this.#model);
    if (missing) throw missing;
    if (answer.error && !expectError) throw answer.error;
    if (!answer.error && expectError) {
      throw new Error(`The pipeline was expected to fail, and it said: ${answer.text}`);
    }
    return answer;
  }

  /** The open question with a name; without one, the question to the contact. */
  async #openQuestion(
    app: JimsApp,
    name: string | undefined,
    waitMs: number,
  ): Promise<QuestionRecord> {
    const until = performance.now() + waitMs;
    for (;;) {
      const { questions } = await app.questions.list({
        state: 'open',
        limit: QUESTIONS,
        ...(this.#threadId !== undefined && { threadId: this.#threadId }),
      });
      const found = questions.find((question) =>
        name === undefined ? question.audience === 'contact' : question.name === name,
      );
      if (found) return found;
      if (performance.now() >= until) throw notAsked(name, questions);
      await sleep(1);
    }
  }
}

function noButton(wanted: string, buttons: readonly JsonObject[], isNew: boolean): Error {
  const names = buttons.map(({ id, text }) => String(id ?? text)).join(', ') || 'none';
  const hint = isNew ? '. For the buttons of a greeting, call `user.open()` first' : '';
  return new Error(`There is no button '${wanted}'. The last buttons: ${names}${hint}`);
}

function notAsked(name: string | undefined, open: readonly QuestionRecord[]): Error {
  const what = name === undefined ? 'to the contact' : `'${name}'`;
  const others = open.map((question) => question.name ?? question.text).join(', ') || 'none';
  return new Error(`The question ${what} is not open. Open questions: ${others}`);
}
