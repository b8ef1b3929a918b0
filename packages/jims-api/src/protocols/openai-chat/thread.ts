import type { RunThread } from 'jims-core';

import { threadOfHistory } from '../../http/history-thread.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { contactOf, namedThread, notFound } from '../../http/run-routes.ts';
import { userContent } from '../../http/user-text.ts';
import { canonicalUuid } from '../../http/uuid.ts';
import type { ChatCompletion } from './decode.ts';

/** Whose threads they are when nobody is named. */
const NOBODY = 'openai';
const MAX_ID = 256;

/** Headers of clients that name their chats and users; an empty one is a placeholder without a value. */
const CHAT_HEADERS = ['x-openwebui-chat-id', 'x-conversation-id'];
const CONTACT_HEADERS = ['x-jims-contact-id', 'x-openwebui-user-id', 'x-openwebui-user-email'];
const TASK_HEADER = 'x-jims-task';

/**
 * The thread of a request: the one that it names, that of the client's chat, or a new one with the
 * history that it brings.
 *
 * @throws HttpError 404 for a thread that is not there, or not the caller's.
 */
export async function threadOf(
  api: ApiContext,
  call: Call,
  request: ChatCompletion,
): Promise<RunThread> {
  const named = headerIn(call, CONTACT_HEADERS) ?? request.user;
  const contactId = contactOf(call, named);
  const threadId = headerIn(call, ['x-jims-thread-id']) ?? request.threadId;
  if (threadId !== undefined) {
    const canonical = canonicalUuid(threadId);
    if (canonical === undefined) throw notFound(`Thread '${threadId.slice(0, MAX_ID)}' not found`);
    return namedThread(api, call, { threadId: canonical, contactId });
  }
  const isTask = request.isTask || headerIn(call, [TASK_HEADER]) !== undefined;
  const id = isTask ? undefined : headerIn(call, CHAT_HEADERS);
  return threadOfHistory(api.app, {
    contactId: contactId ?? NOBODY,
    chatId: id === undefined ? undefined : { protocol: 'openai', id },
    earlier: request.earlier,
    message: userContent(request.text),
    threadConfig: request.threadConfig,
  });
}

function headerIn({ request }: Call, names: readonly string[]): string | undefined {
  return names
    .map((name) => request.headers.get(name)?.trim().slice(0, MAX_ID))
    .find((value) => value !== undefined && value !== '');
}
