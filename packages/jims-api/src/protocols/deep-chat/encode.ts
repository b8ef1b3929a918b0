import type { MessageFile, MessageSource, NewEvent, Run, RunResult } from 'jims-core';

import { reasonOf } from '../../chat/answer-run.ts';
import type { FileAddress } from '../../chat/file-address.ts';
import { filesOf, sourcesOf } from '../../chat/message-members.ts';
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
type DeepChatMessage =
  | { readonly text: string }
  | { readonly html: string }
  | { readonly files: readonly DeepChatFile[] };

interface DeepChatFile {
  readonly src: string;
  readonly name: string;
  readonly type: 'image' | 'audio' | 'any';
}

export interface DeepChatOptions extends ErrorAnswerOptions {
  readonly addressOf: FileAddress;
}

const NO_ANSWER: DeepChatMessage = { text: '(no response)' };
const BETWEEN_MESSAGES = '\n\n';

/** A result as bubbles: one object, or a list of them. */
export function encodeResult(
  { events }: RunResult,
  addressOf: FileAddress,
): DeepChatMessage | DeepChatMessage[] {
  const messages = events.flatMap((event) => bubbles(event, addressOf));
  const [first, ...more] = messages;
  if (!first) return NO_ANSWER;
  return more.length === 0 ? first : messages;
}

export function encodeError(error: HttpError): { readonly error: string } {
  return { error: errorText(error) };
}

const textData = jsonTemplate({ text: SLOT } satisfies DeepChatMessage);

/**
 * A run as Deep Chat's stream: pieces of text, and files. Statuses, buttons and sources are named events.
 * Deep Chat does not show these (html cannot follow text); it gives them to the page's
 * `responseInterceptor`.
 */
export function encodeStream(run: Run, options: DeepChatOptions): ReadyIterable<SseFrame> {
  let current: string | undefined;
  let isEmpty = true;

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
        isEmpty = false;
        return [piece(event)];
      case 'file':
        isEmpty = false;
        return [data({ files: [fileOf(event.file, options.addressOf)] })];
      case 'result':
        return isEmpty ? [data(NO_ANSWER)] : [];
      case 'error':
      case 'cancelled':
        return [data(encodeError(toHttpError(reasonOf(event), options)))];
      case 'event':
        return besideText(event.event);
      default:
        // Sources come with the event of their message.
        return [];
    }
  });
}

function data(value: object): SseFrame {
  return { data: jsonText(value) };
}

/** What the page is given of a message that it does not show by itself. */
function besideText(event: NewEvent): SseFrame[] {
  const buttons = callbacksOf(event);
  const sources = sourcesOf(event);
  return [
    ...(sources.length > 0 ? [{ event: 'sources', ...data({ sources }) }] : []),
    ...(buttons.length > 0 ? [{ event: 'buttons', ...data({ buttons }) }] : []),
  ];
}

function bubbles(event: NewEvent, addressOf: FileAddress): DeepChatMessage[] {
  const text = assistantText(event);
  const question = questionIdOf(event);
  const buttons = buttonsOf(event).map((button) => buttonHtml(button, question));
  const sources = sourcesOf(event).map(sourceHtml);
  const files = filesOf(event).map((file) => fileOf(file, addressOf));
  return [
    ...(text ? [{ text }] : []),
    ...(files.length > 0 ? [{ files }] : []),
    ...(sources.length > 0 ? [{ html: sources.join('<br>') }] : []),
    ...(buttons.length > 0 ? [{ html: buttons.join('') }] : []),
  ];
}

function fileOf(
  { file_id: id, name, media_type }: MessageFile,
  addressOf: FileAddress,
): DeepChatFile {
  const [kind] = media_type.split('/', 1);
  return { src: addressOf(id), name, type: kind === 'image' || kind === 'audio' ? kind : 'any' };
}

/** A link; the title alone of what a page must not open, such as `javascript:`. */
function sourceHtml({ url, title = url }: MessageSource): string {
  if (!/^https?:/i.test(url)) return escaped(title);
  return `<a href="${escaped(url)}" target="_blank" rel="noopener noreferrer">${escaped(title)}</a>`;
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
