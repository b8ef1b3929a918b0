import { AssertionError } from 'node:assert';
import { readFile } from 'node:fs/promises';

import type { LanguageModelV4 } from '@ai-sdk/provider';

import type { JimsApp } from '../app/app.ts';
import type { Principal } from '../thread/principal.ts';
import { differencesOf, sameMembers } from './differences.ts';
import type { SavedConversation, SavedExpectation, SavedTurn } from './saved-conversation.ts';
import { scriptedModel } from './scripted-model.ts';
import type { ScriptedModel } from './scripted-model.ts';
import type { TestAnswer } from './test-answer.ts';
import { testUser } from './test-user.ts';
import type { TestUser } from './test-user.ts';

/** Options of `replayConversation`. */
export interface ReplayOptions {
  /** Answers instead of what was recorded; a real model, for example. */
  readonly model?: LanguageModelV4;
  /** What is not compared. Default: everything that was saved is. */
  readonly ignore?: readonly (keyof SavedExpectation)[];
  /**
   * Called with every string of both sides before they are compared: replace what is different each time, such
   * as a date.
   */
  readonly clean?: (text: string) => string;
  /** See `testUser`. */
  readonly everyRunTwice?: boolean;
  readonly principal?: Principal;
}

/**
 * Runs a saved conversation as a test: says to the app what was said, lets the models answer what they
 * answered, and compares what comes of it with what was saved.
 *
 * @param saved A conversation, or the path or URL of the file that it is in.
 * @throws AssertionError for the first turn that comes out differently: its message shows how.
 * @example
 * await replayConversation(app, new URL('./refund.conversation.json', import.meta.url));
 */
export async function replayConversation(
  app: JimsApp,
  saved: SavedConversation | URL | string,
  options: ReplayOptions = {},
): Promise<void> {
  const conversation = await conversationIn(saved);
  const script = new Script();
  const { everyRunTwice = false, principal } = options;
  await using user = testUser(app, {
    model: options.model ?? script.model,
    contactId: conversation.contact_id,
    threadConfig: conversation.thread_config,
    greet: conversation.greeting !== undefined,
    everyRunTwice,
    ...(principal && { principal }),
  });
  for (const [index, turn] of conversation.turns.entries()) {
    script.next(turn.models ?? []);
    const answer = await take(user, turn);
    const before = index === 0 ? conversation.greeting : undefined;
    const expected = { ...turn.expect, ...(before && { greeting: before }) };
    compare({ expected, answer, turn, index, conversation }, options);
    if (!options.model) script.done(index);
  }
}

/** The answers of models, turn by turn: one too many or too few in a turn does not change the next one. */
class Script {
  readonly model: LanguageModelV4;
  #current: ScriptedModel = scriptedModel([]);

  constructor() {
    const current = (): ScriptedModel => this.#current;
    this.model = Object.defineProperty(
      {
        ...this.#current,
        doGenerate: (request) => current().doGenerate(request),
        doStream: (request) => current().doStream(request),
      } satisfies LanguageModelV4,
      'requests',
      { get: () => current().requests },
    );
  }

  next(answers: NonNullable<SavedTurn['models']>): void {
    this.#current = scriptedModel(answers);
  }

  done(index: number): void {
    try {
      this.#current.done();
    } catch (cause) {
      const reason = Error.isError(cause) ? cause.message : String(cause);
      throw new Error(`Turn ${index + 1} asked its models less often than before. ${reason}`, {
        cause,
      });
    }
  }
}

function take(user: TestUser, turn: SavedTurn): Promise<TestAnswer> {
  const options = { expectError: turn.expect.error !== undefined };
  if ('open' in turn) return user.open(options);
  if ('say' in turn) return user.say(turn.say, options);
  if ('click' in turn) return user.click(turn.click, options);
  if ('answer' in turn) return user.waitAndAnswer(turn.answer, turn.value, options);
  if ('expire' in turn) return user.expire(turn.expire ?? undefined, options);
  const { event_type: type, event_data: data } = turn.send;
  return user.send({ type, data }, options);
}

interface Compared {
  readonly expected: SavedExpectation & { readonly greeting?: readonly string[] };
  readonly answer: TestAnswer;
  readonly turn: SavedTurn;
  readonly index: number;
  readonly conversation: SavedConversation;
}

function compare(
  { expected, answer, turn, index, conversation }: Compared,
  { ignore = [], clean = (text) => text }: ReplayOptions,
): void {
  const ignored = new Set<string>(ignore);
  const names = new Set(
    Object.entries(expected).flatMap(([name, value]) =>
      value === undefined || ignored.has(name) ? [] : [name],
    ),
  );
  const only = (all: object): Readonly<Record<string, unknown>> =>
    cleaned(Object.fromEntries(Object.entries(all).filter(([name]) => names.has(name))), clean);
  const wanted = only(expected);
  const came = only(inFormOf(wanted, madeOf(answer)));
  const differences = differencesOf(wanted, came);
  if (differences.length === 0) return;
  const { models: _, expect: __, ...action } = turn;
  const title = conversation.title === undefined ? '' : ` '${conversation.title}'`;
  throw new AssertionError({
    message: `The conversation${title} came out differently in turn ${index + 1}, ${JSON.stringify(action)} (- saved, + now):\n${differences.join('\n')}`,
    expected: wanted,
    actual: came,
    operator: 'replayConversation',
  });
}

/** What came of a turn, in the form of an expectation. */
function madeOf(answer: TestAnswer): SavedExpectation & { readonly greeting: readonly string[] } {
  const { greeting, messages, buttons, statuses, states, question, error } = answer;
  return {
    greeting,
    messages,
    buttons,
    statuses,
    events: answer.events.map(({ type, data }) => ({ event_type: type, event_data: data })),
    state: states,
    question: question?.name ?? question?.text ?? null,
    ...(error && { error: error.message }),
  };
}

/** Without the members of events and states that were not saved. */
function inFormOf(
  expected: Readonly<Record<string, unknown>>,
  made: SavedExpectation,
): Readonly<Record<string, unknown>> {
  return {
    ...made,
    events: sameMembers(expected['events'], made.events),
    state: sameMembers(expected['state'], made.state),
  };
}

/** A copy whose texts are cleaned; as JSON, which is what was saved. */
function cleaned(
  value: Readonly<Record<string, unknown>>,
  clean: (text: string) => string,
): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(value), (_, each: unknown) =>
    typeof each === 'string' ? clean(each) : each,
  );
}

async function conversationIn(saved: SavedConversation | URL | string): Promise<SavedConversation> {
  const isFile = typeof saved === 'string' || saved instanceof URL;
  const read: unknown = isFile ? JSON.parse(await readFile(saved, 'utf8')) : saved;
  const { jims, version }: { jims?: unknown; version?: unknown } = Object(read);
  if (jims !== 'conversation') {
    throw new TypeError('This is not a saved conversation: it has no `"jims": "conversation"`');
  }
  if (version !== 1) {
    throw new TypeError(
      `The conversation has the form ${String(version)}, and this version of jims-core reads form 1`,
    );
  }
  return withOpening(Object(read));
}

/** A click that comes first is on a button of the greeting, which earlier versions did not save as a turn. */
function withOpening(conversation: SavedConversation): SavedConversation {
  const { greeting: messages, ...rest } = conversation;
  const [first] = rest.turns;
  if (!messages || !first || !('click' in first)) return conversation;
  return { ...rest, turns: [{ open: true, expect: { messages } }, ...rest.turns] };
}
