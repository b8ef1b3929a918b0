// The whole chat, as clients of model APIs send it with each message.
import { fieldError } from '../http/fastapi/validation.ts';
import type { HistoryMessage } from './alignment.ts';
import type { ClientMessage } from './client-history.ts';
import { contentText } from './content-text.ts';
import { userContent, userEvent } from './messages.ts';
import type { SentFile } from './sent-files.ts';

interface SentMessage {
  readonly role: string;
  readonly content?: unknown;
}

/** How a protocol reads the files in the content of a message. */
export interface FileReaders {
  /** Throws for a file that cannot be read. */
  readonly sent: (content: unknown) => SentFile[];
  /** Leaves out a file that cannot be read. */
  readonly earlier: (content: unknown) => SentFile[];
}

/** Clients put them anywhere, also after the message that they are for. */
const INSTRUCTIONS: ReadonlySet<string> = new Set(['system', 'developer']);

/**
 * Reads the new message, which is the last one but for instructions, and what was said before it.
 *
 * @throws HttpError 422 for a last message that is not the user's, or has neither text nor files.
 */
export function readChat(
  messages: readonly SentMessage[],
  files: FileReaders,
): Pick<ClientMessage, 'earlier' | 'incoming' | 'sentFiles'> {
  const said = messages.filter(({ role }) => !INSTRUCTIONS.has(role));
  const last = said.at(-1);
  if (last?.role !== 'user')
    throw fieldError('messages', last, 'the last message must be the user’s');
  const text = contentText(last.content);
  const sentFiles = files.sent(last.content);
  if (text === '' && sentFiles.length === 0 && typeof last.content !== 'string') {
    throw fieldError('messages', last, 'the last message has neither text nor files');
  }
  const earlier = said.slice(0, -1).flatMap((message) => saidText(message, files));
  return { earlier, incoming: userEvent(text), sentFiles };
}

function saidText({ role, content }: SentMessage, files: FileReaders): HistoryMessage[] {
  const text = contentText(content);
  if (role === 'user') {
    return [{ role, content: userContent(text), files: files.earlier(content) }];
  }
  // The text of a message that only calls tools is empty.
  return role === 'assistant' && text !== '' ? [{ role, content: text }] : [];
}
