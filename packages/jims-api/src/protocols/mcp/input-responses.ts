// What a client says to the questions of a call or a task.
import type { JsonObject, QuestionRecord } from 'jims-core';

import { isJsonObject } from '../../http/json-object.ts';
import { rpcFailure } from '../json-rpc.ts';
import { messageIn } from './elicitation.ts';

export type InputResponse =
  /** As a message of the user. */
  | { readonly kind: 'answer'; readonly message: string }
  /** The user declined, or closed the form. */
  | { readonly kind: 'refusal' };

const ACTIONS: ReadonlySet<unknown> = new Set(['accept', 'decline', 'cancel']);

/**
 * The response to a question, by its name in the request; `undefined` when there is none that fits.
 *
 * @throws HttpError `invalid_params` for what is not a response.
 */
export function responseTo(
  question: QuestionRecord,
  key: string,
  { inputResponses }: JsonObject,
): InputResponse | undefined {
  const responses = inputResponses === undefined ? {} : inputResponses;
  if (!isJsonObject(responses)) throw invalid('inputResponses must be an object');
  const response = Object.hasOwn(responses, key) ? responses[key] : undefined;
  if (response === undefined) return undefined;
  if (!isJsonObject(response) || !ACTIONS.has(response['action'])) {
    throw invalid('A response must be an object with the action accept, decline or cancel');
  }
  if (response['action'] !== 'accept') return { kind: 'refusal' };
  const message = messageIn(question, response);
  return message === undefined ? undefined : { kind: 'answer', message };
}

function invalid(message: string): Error {
  return rpcFailure('invalid_params', message);
}
