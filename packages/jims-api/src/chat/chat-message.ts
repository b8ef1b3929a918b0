import type { JsonObject, NewEvent } from 'jims-core';

import type { ApiContext, Call } from '../http/route.ts';
import type { SaidText } from './alignment.ts';
import { configBy } from './client-config.ts';
import { threadOfHistory } from './history-thread.ts';
import type { ChatId } from './history-thread.ts';
import { namedThread, threadIdOf } from './run-routes.ts';
import type { RunTarget } from './run-routes.ts';

/** A message by a client that knows all that was said before it, decoded from its protocol. */
export interface ChatMessage {
  /** A thread of JIMS that the body names. */
  readonly threadId: string | undefined;
  readonly threadConfig: JsonObject;
  readonly earlier: readonly SaidText[];
  readonly incoming: NewEvent;
}

/** Where such a message belongs. */
export interface ChatPlace {
  /** The contact it is for; `undefined` when none is named. */
  readonly contactId: string | undefined;
  /** Whose threads they are then. */
  readonly nobody: string;
  /** A named thread: then the server's history counts. */
  readonly threadId: string | undefined;
  /** The client's own name of the chat: then the client's history counts. */
  readonly chatId: ChatId | undefined;
  /** What the config of a new thread says of where it came from. */
  readonly interface: string;
}

/** The thread of a message: the one that is named, that of its chat, or a new one. */
export async function threadOfMessage(
  api: ApiContext,
  call: Call,
  { earlier, incoming, threadConfig }: ChatMessage,
  { contactId, nobody, threadId, chatId, interface: name }: ChatPlace,
): Promise<RunTarget> {
  if (threadId !== undefined) {
    return { thread: namedThread(api, call, { threadId: threadIdOf(threadId), contactId }) };
  }
  return threadOfHistory(api.app, {
    contactId: contactId ?? nobody,
    chatId,
    earlier,
    message: String(incoming.data['content']),
    threadConfig: configBy(call.principal, threadConfig, name),
    receivedAt: call.receivedAt,
    trusted: call.principal.kind === 'service',
  });
}
