import * as v from 'valibot';

import type { HistoryMessage } from '../../chat/alignment.ts';
import type { ClientMessage } from '../../chat/client-history.ts';
import { messageContent, userContent, userEvent } from '../../chat/messages.ts';
import { eventType, requireAllowed, runFields, runOptions } from '../../chat/run-fields.ts';
import type { RunOptions } from '../../chat/run-fields.ts';
import { MAX_MESSAGES, requireConfigSize } from '../../chat/sent-limits.ts';
import { contactId } from '../../http/contact.ts';
import { validationError } from '../../http/errors.ts';
import { sentObject, uuid } from '../../http/fastapi/fields.ts';
import { fieldError, parseBody } from '../../http/fastapi/validation.ts';
import { isJsonObject } from '../../http/json-object.ts';
import { list } from '../../http/list.ts';
import type { ApiContext } from '../../http/route.ts';

const MAX_ID = 256;
/** The most pieces of what the client's page knows. */
const MAX_CONTEXT = 1000;
const BETWEEN_PARTS = '\n\n';

const id = v.pipe(v.string(), v.nonEmpty(), v.maxLength(MAX_ID));

const Message = v.object({
  role: v.string(),
  content: v.pipe(v.optional(messageContent), v.description('A string, or parts with text')),
});
type Message = v.InferOutput<typeof Message>;

/** The members of AG-UI's `RunAgentInput` that are used here. */
export const AgUiBody = v.pipe(
  v.object({
    threadId: v.pipe(id, v.description('The client’s id; each is a thread of its own')),
    runId: v.pipe(id, v.description('The client’s id; the answer repeats it')),
    messages: v.pipe(
      list(Message, MAX_MESSAGES),
      v.description(
        'The whole thread; the last message is the new one, by the user. An empty list: the answer is what was said so far, and nothing runs',
      ),
    ),
    context: v.pipe(
      v.optional(list(sentObject, MAX_CONTEXT), []),
      v.description(
        'For the app to read; stored with a new thread, as `agui_context` of its config',
      ),
    ),
    forwardedProps: v.nullish(
      v.object({
        contact_id: v.pipe(
          v.optional(contactId),
          v.description('The contact; the header x-jims-contact-id wins over it'),
        ),
        thread_id: v.pipe(
          v.nullish(uuid),
          v.description('Continues this thread of JIMS; the other messages are ignored'),
        ),
        thread_config: v.optional(sentObject),
        event_type: v.optional(eventType),
        on_busy: runFields.on_busy,
        timeout: runFields.timeout,
      }),
      {},
    ),
  }),
  v.title('RunAgentInput'),
);

/** A request, decoded. */
export interface AgUiInput {
  /** As the client names them. */
  readonly threadId: string;
  readonly runId: string;
  readonly contactId: string | undefined;
  /** `undefined` when the client wants to know what was said so far. */
  readonly message: AgUiMessage | undefined;
}

export interface AgUiMessage extends ClientMessage {
  readonly options: RunOptions;
}

/**
 * Reads the body of a request.
 *
 * @throws HttpError 422 also for a new message that is not the user's, or has more than text; 413 for a
 * config that is too large with its context.
 */
export function decode(
  api: Pick<ApiContext, 'allowedEventTypes' | 'maxConfigBytes'>,
  body: unknown,
): AgUiInput {
  const { threadId, runId, messages, context, forwardedProps } = parseBody(AgUiBody, body);
  const named = { threadId, runId, contactId: forwardedProps?.contact_id };
  const last = messages.at(-1);
  if (!last) return { ...named, message: undefined };
  const { thread_id, thread_config, event_type, ...run } = forwardedProps ?? {};
  const incoming = userEvent(newText(last), event_type);
  requireAllowed(incoming.type, api.allowedEventTypes);
  const threadConfig = {
    ...(thread_config ?? { interface: 'ag-ui' }),
    ...(context.length > 0 && { agui_context: context }),
  };
  requireConfigSize(api, threadConfig);
  return {
    ...named,
    message: {
      threadId: typeof thread_id === 'string' ? thread_id : undefined,
      threadConfig,
      earlier: messages.slice(0, -1).flatMap(saidText),
      incoming,
      // The client has no other way to stop the run.
      options: runOptions({ ...run, on_disconnect: 'cancel' }),
    },
  };
}

function newText(message: Message): string {
  const text = message.role === 'user' ? textOf(message) : undefined;
  if (text !== undefined) return text;
  const reason = 'the last message must be the user’s, and text only';
  throw validationError([fieldError('messages', message, reason)]);
}

function saidText({ role, content }: Message): HistoryMessage[] {
  const text = textOf({ role, content }, 'lenient') ?? '';
  if (role === 'user') return [{ role, content: userContent(text) }];
  return role === 'assistant' && text !== '' ? [{ role, content: text }] : [];
}

/** The text of a message. Strict: `undefined` when there is something other than text in it. */
function textOf({ content }: Message, how: 'strict' | 'lenient' = 'strict'): string | undefined {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return undefined;
  const texts = content.flatMap((part) =>
    isJsonObject(part) && typeof part['text'] === 'string' ? [part['text']] : [],
  );
  if (how === 'strict' && texts.length < content.length) return undefined;
  return texts.join(BETWEEN_PARTS);
}
