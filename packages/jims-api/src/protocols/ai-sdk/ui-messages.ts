import type { MessageFile, MessageSource, NewEvent, ThreadEvent } from 'jims-core';

import { filesOf, sourcesOf } from '../../chat/message-members.ts';
import { assistantText, buttonsOf, questionIdOf, userText } from '../../chat/messages.ts';
import type { Button } from '../../chat/messages.ts';

/** What a message has beside its text, live and restored. */
export type DataPart =
  | {
      readonly type: 'data-question';
      readonly data: {
        readonly message_id: string;
        readonly question_id: string;
        readonly text: string;
        readonly buttons: readonly Button[];
      };
    }
  | {
      readonly type: 'data-buttons';
      readonly data: { readonly message_id: string; readonly buttons: readonly Button[] };
    };

/** Where something in a message comes from, live and restored. */
export interface SourcePart {
  readonly type: 'source-url';
  readonly sourceId: string;
  readonly url: string;
  readonly title?: string;
  readonly providerMetadata?: { readonly jims: { readonly excerpt: string } };
}

interface FilePart {
  readonly type: 'file';
  readonly url: string;
  readonly mediaType: string;
  readonly filename: string;
}

type Part =
  | { readonly type: 'text' | 'reasoning'; readonly text: string; readonly state: 'done' }
  | SourcePart
  | FilePart
  | DataPart;

/** Where clients get a file. */
type FileAddress = (fileId: string) => string;

/** A message as `useChat` keeps it. */
export interface UiMessage {
  readonly id: string;
  readonly role: 'user' | 'assistant';
  readonly metadata: { readonly thread_id: string };
  readonly parts: Part[];
}

/**
 * The id of a run's answer, live and restored. It differs from the run's id, which is the id of the
 * question: a client replaces a message by another one with the same id.
 */
export function answerId(runId: string): string {
  return `${runId}:answer`;
}

/** The messages of a thread; answers that follow each other become one UI message. */
export async function* uiMessages(
  pieces: AsyncIterable<readonly ThreadEvent[]>,
  fileAddress: FileAddress,
): AsyncGenerator<UiMessage> {
  let last: UiMessage | undefined;
  for await (const events of pieces) {
    for (const event of events) {
      const parts = partsOf(event, fileAddress);
      if (parts.length === 0) continue;
      const role = event.data['role'] === 'user' ? 'user' : 'assistant';
      if (role === 'assistant' && last?.role === 'assistant') {
        last.parts.push(...parts);
        continue;
      }
      if (last) yield last;
      const id = role === 'assistant' && last ? answerId(last.id) : event.id;
      last = { id, role, metadata: { thread_id: event.threadId }, parts };
    }
  }
  if (last) yield last;
}

function partsOf(event: ThreadEvent, fileAddress: FileAddress): Part[] {
  const files = filesOf(event).map((file) => filePart(file, fileAddress));
  const question = userText(event);
  if (question !== undefined) return [textPart(question), ...files];
  const text = assistantText(event);
  const { reasoning } = event.data;
  const isAnswer = text !== undefined && typeof reasoning === 'string';
  return [
    ...(isAnswer ? [{ type: 'reasoning', text: reasoning, state: 'done' } as const] : []),
    ...(text ? [textPart(text)] : []),
    ...sourcesOf(event).map(sourcePart),
    ...files,
    ...partsBesideText(event),
  ];
}

export function sourcePart({ url, title, excerpt }: MessageSource): SourcePart {
  return {
    type: 'source-url',
    sourceId: url,
    url,
    ...(title !== undefined && { title }),
    ...(excerpt !== undefined && { providerMetadata: { jims: { excerpt } } }),
  };
}

export function filePart(file: MessageFile, fileAddress: FileAddress): FilePart {
  const { file_id: id, name, media_type: mediaType } = file;
  return { type: 'file', url: fileAddress(id), mediaType, filename: name };
}

/** The buttons of a message, and what names the question that it asks. */
export function partsBesideText(event: NewEvent): DataPart[] {
  const message_id = event.id;
  const buttons = buttonsOf(event);
  const question_id = questionIdOf(event);
  const text = assistantText(event) ?? '';
  return [
    ...(question_id === undefined
      ? []
      : [{ type: 'data-question', data: { message_id, question_id, text, buttons } } as const]),
    ...(buttons.length > 0
      ? [{ type: 'data-buttons', data: { message_id, buttons } } as const]
      : []),
  ];
}

function textPart(text: string): Part {
  return { type: 'text', text, state: 'done' };
}
