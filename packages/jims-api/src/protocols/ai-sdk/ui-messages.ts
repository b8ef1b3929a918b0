import type { MessageFile, MessageSource, NewEvent, ThreadEvent } from 'jims-core';

import { filesOf, reasoningOf, sourcesOf } from '../../chat/message-members.ts';
import {
  assistantText,
  buttonsOf,
  listedText,
  questionIdOf,
  userText,
  writtenText,
} from '../../chat/messages.ts';
import type { Button } from '../../chat/messages.ts';
import { answeredPart, approvalPart } from './approvals.ts';
import type { ApprovalPart } from './approvals.ts';

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
  | DataPart
  | ApprovalPart;

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
      const next = messageWith(event, last, fileAddress);
      if (last && next !== last) yield last;
      last = next;
    }
  }
  if (last) yield last;
}

/** The message that an event is a part of: the one before it, or a new one. */
function messageWith(
  event: ThreadEvent,
  last: UiMessage | undefined,
  fileAddress: FileAddress,
): UiMessage | undefined {
  if (last && isApproval(event, last.parts)) return last;
  const parts = partsOf(event, fileAddress);
  if (parts.length === 0) return last;
  const role = event.data['role'] === 'user' ? 'user' : 'assistant';
  if (role === 'assistant' && last?.role === 'assistant') {
    last.parts.push(...parts);
    return last;
  }
  const id = role === 'assistant' && last ? answerId(last.id) : event.id;
  return { id, role, metadata: { thread_id: event.threadId }, parts };
}

/**
 * What the user says decides the question that is open in the message before. Tells whether it was approved or
 * denied by something other than a message: that is seen in its part alone.
 */
function isApproval(event: NewEvent, parts: Part[]): boolean {
  if (userText(event) === undefined) return false;
  const index = parts.findLastIndex(
    (part) => 'state' in part && part.state === 'approval-requested',
  );
  const part = parts[index];
  if (part?.type !== 'dynamic-tool') return false;
  const answered = answeredPart(part, event);
  parts.splice(index, 1, ...(answered ? [answered] : []));
  return answered !== undefined && listedText(event) === undefined;
}

function partsOf(event: ThreadEvent, fileAddress: FileAddress): Part[] {
  const files = filesOf(event).map((file) => filePart(file, fileAddress));
  const question = writtenText(event);
  if (question !== undefined) return [textPart(question), ...files];
  const text = assistantText(event);
  const approval = approvalPart(event);
  const reasoning = reasoningOf(event);
  return [
    ...(reasoning ? [{ type: 'reasoning', text: reasoning, state: 'done' } as const] : []),
    ...(text ? [textPart(text)] : []),
    ...sourcesOf(event).map(sourcePart),
    ...files,
    ...(approval ? [approval] : []),
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
