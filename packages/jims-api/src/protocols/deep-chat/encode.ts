import type { NewEvent, Run, RunResult } from 'jims-core';

import { reasonOf } from '../../chat/answer-run.ts';
import { assistantText, buttonsOf, questionIdOf } from '../../chat/messages.ts';
import type { Button } from '../../chat/messages.ts';
import { plainTextEvents } from '../../chat/text-stream.ts';
import type { TextDelta } from '../../chat/text-stream.ts';
import type { ErrorAnswerOptions } from '../../http/error-response.ts';
import { errorText, toHttpError } from '../../http/error-response.ts';
import type { HttpError } from '../../http/errors.ts';
import { SLOT, jsonTemplate, jsonText } from '../../http/fastapi/json-pieces.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { Expansion } from '../../http/sse/ready-iterator.ts';
import type { ReadyIterable } from '../../http/sse/ready-iterator.ts';
import { callbackOf } from './callback.ts';

/** One bubble of Deep Chat. */
type DeepChatMessage = { readonly text: string } | { readonly html: string };

const NO_ANSWER: DeepChatMessage = { text: '(no response)' };
const BETWEEN_MESSAGES = '\n\n';

/** A result as bubbles: one object, or a list of them. */
export function encodeResult({ events }: RunResult): DeepChatMessage | DeepChatMessage[] {
  const messages = events.flatMap(bubbles);
  const [first, ...more] = messages;
  if (!first) return NO_ANSWER;
  return more.length === 0 ? first : messages;
}

export function encodeError(error: HttpError): { readonly error: string } {
  return { error: errorText(error) };
}

const textData = jsonTemplate({ text: SLOT } satisfies DeepChatMessage);

/**
 * A run as Deep Chat's stream: pieces of text. Statuses and buttons are named events. Deep Chat does
 * not show these (html cannot follow text); it gives them to the page's `responseInterceptor`.
 */
export function encodeStream(run: Run, options: ErrorAnswerOptions): ReadyIterable<SseFrame> {
  let current: string | undefined;

  function piece({ messageId, delta }: TextDelta): SseFrame {
    const separator = current === undefined || current === messageId ? '' : BETWEEN_MESSAGES;
    current = messageId;
    return { data: textData(separator + delta) };
  }

  return new Expansion(plainTextEvents(run), (event): SseFrame[] => {
    switch (event.type) {
      case 'status':
        return [{ event: 'status', ...data({ status: event.status.message }) }];
      case 'text_delta':
        return [piece(event)];
      case 'result':
        return current === undefined ? [data(NO_ANSWER)] : [];
      case 'error':
      case 'cancelled':
        return [data(encodeError(toHttpError(reasonOf(event), options)))];
      case 'event': {
        const buttons = callbacksOf(event.event);
        return buttons.length > 0 ? [{ event: 'buttons', ...data({ buttons }) }] : [];
      }
      case 'text_start':
      case 'text_end':
        return [];
    }
  });
}

function data(value: object): SseFrame {
  return { data: jsonText(value) };
}

function bubbles(event: NewEvent): DeepChatMessage[] {
  const text = assistantText(event);
  const question = questionIdOf(event);
  const html = buttonsOf(event).map((button) => buttonHtml(button, question));
  return [...(text ? [{ text }] : []), ...(html.length > 0 ? [{ html: html.join('') }] : [])];
}

/** The buttons of a message; those of a question have what a click is to send. */
function callbacksOf(event: NewEvent): (Button & { readonly callback?: string })[] {
  const question = questionIdOf(event);
  const buttons = buttonsOf(event);
  if (question === undefined) return buttons;
  return buttons.map(({ text, id }) => ({ text, id, callback: callbackOf(id, question) }));
}

function buttonHtml({ text, id }: Button, question: string | undefined): string {
  const callback = callbackOf(id, question);
  return `<button class="jims-widget-callback-btn deep-chat-button" data-jims-callback="${escaped(callback)}">${escaped(text)}</button>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
