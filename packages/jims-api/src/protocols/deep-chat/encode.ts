import type { NewEvent, Run, RunResult } from 'jims-core';

import { reasonOf } from '../../chat/answer-run.ts';
import { assistantText, buttonsOf } from '../../chat/messages.ts';
import type { Button } from '../../chat/messages.ts';
import { toldRun } from '../../chat/text-stream.ts';
import type { ErrorAnswerOptions } from '../../http/error-response.ts';
import { errorText, toHttpError } from '../../http/error-response.ts';
import type { HttpError } from '../../http/errors.ts';
import { jsonText } from '../../http/fastapi/json-pieces.ts';
import type { SseFrame } from '../../http/sse/frame.ts';

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

/**
 * A run as Deep Chat's stream: pieces of text. Statuses and buttons are in named events, which Deep
 * Chat shows not (html cannot follow text) and gives to the page's `responseInterceptor`.
 */
export async function* encodeStream(
  run: Run,
  options: ErrorAnswerOptions,
): AsyncGenerator<SseFrame, void, void> {
  let current: string | undefined;

  function piece(messageId: string, text: string): SseFrame {
    const separator = current === undefined || current === messageId ? '' : BETWEEN_MESSAGES;
    current = messageId;
    return data({ text: separator + text });
  }

  for await (const event of toldRun(run)) {
    switch (event.type) {
      case 'status':
        yield { event: 'status', ...data({ status: event.status.message }) };
        break;
      case 'text_delta':
        yield piece(event.messageId, event.delta);
        break;
      case 'result':
        if (current === undefined) yield data(NO_ANSWER);
        break;
      case 'error':
      case 'cancelled':
        yield data(encodeError(toHttpError(reasonOf(event), options)));
        break;
      case 'event': {
        const buttons = buttonsOf(event.event);
        if (buttons.length > 0) yield { event: 'buttons', ...data({ buttons }) };
        break;
      }
      case 'text_start':
      case 'text_end':
        break;
    }
  }
}

function data(value: object): SseFrame {
  return { data: jsonText(value) };
}

function bubbles(event: NewEvent): DeepChatMessage[] {
  const text = assistantText(event);
  const buttons = buttonsOf(event);
  return [
    ...(text ? [{ text }] : []),
    ...(buttons.length > 0 ? [{ html: buttons.map(buttonHtml).join('') }] : []),
  ];
}

function buttonHtml({ text, id }: Button): string {
  const callback = id.startsWith('btn:') ? id : `btn:${id}`;
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
