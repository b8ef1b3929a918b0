// Questions as elicitations: the server asks the client while it answers a call.
//
// The process that gets the client's answer need not be the one that answers the call: the answer starts a
// run like any message, and the call waits until its question is closed.
import { setTimeout as sleep } from 'node:timers/promises';

import type { JsonObject, QuestionRecord, Run } from 'jims-core';

import { isJsonObject } from '../../http/json-object.ts';
import type { ApiContext } from '../../http/route.ts';

const ID = 'question:';
/** How often the question of a waiting call is looked up; an answer that comes to this process wakes it. */
const LOOK_MS = 1000;
/** The member of a form with one field. */
const FIELD = 'answer';
const PRIMITIVES: ReadonlySet<unknown> = new Set(['string', 'number', 'integer', 'boolean']);
const FORMATS: ReadonlySet<unknown> = new Set([undefined, 'email', 'uri', 'date', 'date-time']);

/** The request that asks the client. */
export function elicitation(question: QuestionRecord): object {
  const { questionId, text: message = '' } = question;
  const params = { message, requestedSchema: formOf(question) ?? fieldFor(question, namedChoice) };
  return { jsonrpc: '2.0', id: ID + questionId, method: 'elicitation/create', params };
}

/** The same as part of a result, as it is since 2026-07-28. */
export function inputRequest(question: QuestionRecord): object {
  const { text: message = '' } = question;
  const requestedSchema = formOf(question) ?? fieldFor(question, titledChoice);
  return { method: 'elicitation/create', params: { mode: 'form', message, requestedSchema } };
}

/** The question that an answer of the client is about; `undefined` for another answer. */
export function questionOf(id: unknown): string | undefined {
  return typeof id === 'string' && id.startsWith(ID) ? id.slice(ID.length) : undefined;
}

/** What the user said, as a message of theirs; `undefined` when they did not answer. */
export function messageIn(question: QuestionRecord, result: JsonObject): string | undefined {
  const { action, content } = result;
  if (action !== 'accept' || !isJsonObject(content)) return undefined;
  if (formOf(question)) return JSON.stringify(content);
  const answer = content[FIELD];
  if (typeof answer !== 'string') return undefined;
  return question.buttons ? `btn:${answer}` : answer;
}

/** The question's own schema, when a form can have it: an object of plain fields and choices. */
function formOf({ schema }: QuestionRecord): object | undefined {
  const { type, properties, required } = schema ?? {};
  if (type !== 'object' || !isJsonObject(properties)) return undefined;
  if (!Object.values(properties).every(isPlainField)) return undefined;
  return { type, properties, ...(Array.isArray(required) && { required }) };
}

function isPlainField(field: unknown): boolean {
  if (!isJsonObject(field)) return false;
  const { type, format, items } = field;
  if (type === 'array') return isJsonObject(items) && ('enum' in items || 'anyOf' in items);
  return PRIMITIVES.has(type) && FORMATS.has(format);
}

type Buttons = NonNullable<QuestionRecord['buttons']>;

function fieldFor({ buttons }: QuestionRecord, choiceOf: (buttons: Buttons) => object): object {
  const field = { type: 'string', title: 'Answer', ...(buttons && choiceOf(buttons)) };
  return { type: 'object', properties: { [FIELD]: field }, required: [FIELD] };
}

/** Clients of the revisions with sessions know this form alone. */
function namedChoice(buttons: Buttons): object {
  return {
    enum: buttons.map(({ id, text }) => id ?? text),
    enumNames: buttons.map(({ text }) => text),
  };
}

function titledChoice(buttons: Buttons): object {
  return { oneOf: buttons.map(({ id, text }) => ({ const: id ?? text, title: text })) };
}

/** What is known of a question while the database does not answer. */
const UNKNOWN = { state: 'open', answeredBy: undefined } as const;

const ofApi = new WeakMap<ApiContext, Elicitations>();

/** The calls of this process that wait for the answer to a question. */
export class Elicitations {
  readonly #waiting = new Map<string, AbortController>();

  static of(api: ApiContext): Elicitations {
    const all = ofApi.get(api) ?? new Elicitations();
    ofApi.set(api, all);
    return all;
  }

  /** Waits until a question is closed. Resolves with the run that goes on; `undefined` when none does. */
  async next(
    { app }: ApiContext,
    { questionId }: QuestionRecord,
    signal: AbortSignal,
  ): Promise<Run | undefined> {
    for (;;) {
      const woken = new AbortController();
      this.#waiting.set(questionId, woken);
      // A database that is away is asked again.
      const question = await app.questions.find(questionId).catch(() => UNKNOWN);
      if (question?.answeredBy !== undefined) return app.runs.find(question.answeredBy);
      if (question?.state !== 'open') return undefined;
      const stop = AbortSignal.any([woken.signal, signal]);
      await sleep(LOOK_MS, undefined, { signal: stop }).catch(() => {});
      if (signal.aborted || woken.signal.reason === GIVEN_UP) return undefined;
    }
  }

  /** Has a waiting call look now. */
  wake(questionId: string): void {
    this.#waiting.get(questionId)?.abort();
  }

  /** Has a waiting call end, although its question is open. */
  giveUp(questionId: string): void {
    this.#waiting.get(questionId)?.abort(GIVEN_UP);
  }

  /** To be called when a call does not wait any more. */
  leave({ questionId }: QuestionRecord): void {
    this.#waiting.delete(questionId);
  }
}

const GIVEN_UP = 'given up';
