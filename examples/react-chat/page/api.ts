// Where the app is, and who talks to it.
import { DefaultChatTransport } from 'ai';
import type { FileUIPart, UIMessage } from 'ai';

export interface Button {
  readonly text: string;
  readonly id: string;
}

/** What a JIMS app sends beside texts: `data-status` and `data-buttons`. */
export type Message = UIMessage<
  unknown,
  {
    status: { readonly status: string; readonly type: string };
    buttons: { readonly message_id: string; readonly buttons: readonly Button[] };
  }
>;

/** A chat, and the contact whose chat it is. */
export interface ChatIdentity {
  readonly id: string;
  readonly contactId: string;
}

const API = '/ai-sdk/chat';
const FILES = '/api/v1/files';

/** The chat of this browser, kept until a new one is begun. */
export function currentChat(): ChatIdentity {
  return { id: kept('chatId'), contactId: `visitor:${kept('contactId')}` };
}

export function forgetChat(): void {
  localStorage.removeItem('chatId');
}

function kept(name: string): string {
  const value = localStorage.getItem(name) ?? crypto.randomUUID();
  localStorage.setItem(name, value);
  return value;
}

export function transportOf({ contactId }: ChatIdentity): DefaultChatTransport<Message> {
  return new DefaultChatTransport({
    api: API,
    headers: { 'x-jims-contact-id': contactId },
    // The answer goes on without the page: it is resumed, or stopped by `stopAnswer`.
    body: { on_disconnect: 'continue' },
  });
}

/** What was said before the page was loaded. */
export async function restoreMessages({ id, contactId }: ChatIdentity): Promise<Message[]> {
  const response = await fetch(`${API}/${id}`, { headers: { 'x-jims-contact-id': contactId } });
  const { messages }: { messages: Message[] } = await response.json();
  return messages;
}

/** Stores a file. What comes back is a part of the message that names it. */
export async function uploadFile(file: File, { contactId }: ChatIdentity): Promise<FileUIPart> {
  const response = await fetch(`${FILES}?name=${encodeURIComponent(file.name)}`, {
    method: 'POST',
    headers: { 'x-jims-contact-id': contactId },
    body: file,
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail);
  const { file_id, name, media_type } = answer;
  return { type: 'file', url: `${FILES}/${file_id}`, mediaType: media_type, filename: name };
}

export async function stopAnswer({ id, contactId }: ChatIdentity): Promise<void> {
  const headers = { 'x-jims-contact-id': contactId };
  await fetch(`${API}/${id}/stream`, { method: 'DELETE', headers });
}
