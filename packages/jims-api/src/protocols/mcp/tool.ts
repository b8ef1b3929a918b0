import { MAX_MESSAGE_FILES } from 'jims-core';
import type { JimsApp } from 'jims-core';
import * as v from 'valibot';

import { contactId } from '../../http/contact.ts';
import { sentObject, uuid } from '../../http/fastapi/fields.ts';
import { list } from '../../http/list.ts';

/** The name of the one tool that an app is. */
export const TOOL = 'chat';

/** What the tool is called with. */
export const ToolArguments = v.object({
  message: v.string(),
  thread_id: v.nullish(uuid),
  contact_id: v.nullish(contactId),
  files: v.nullish(list(sentObject, MAX_MESSAGE_FILES)),
});

const INPUT_SCHEMA = {
  type: 'object',
  properties: {
    message: { type: 'string', description: 'What to say' },
    thread_id: {
      type: 'string',
      description: 'The thread_id of an earlier answer, to continue that conversation',
    },
    files: {
      type: 'array',
      description:
        'Files to look at, as content of MCP: image or audio with data, resource with blob or text, or resource_link with the address of a file of this service',
      items: { type: 'object' },
    },
    contact_id: { type: 'string', description: 'On whose behalf; leave it out unless you know it' },
  },
  required: ['message'],
} as const;

const OUTPUT_SCHEMA = {
  type: 'object',
  properties: {
    thread_id: { type: 'string', description: 'Send it to continue this conversation' },
    created_new_thread: { type: 'boolean' },
    assistant_messages: { type: 'array', items: { type: 'string' } },
    events: {
      type: 'array',
      description: 'Everything that was said and sent, buttons included',
      items: {
        type: 'object',
        properties: { event_type: { type: 'string' }, event_data: { type: 'object' } },
        required: ['event_type', 'event_data'],
      },
    },
  },
  required: ['thread_id', 'assistant_messages'],
} as const;

const MEMORY =
  'Every call without thread_id begins a new conversation: to continue one, send the thread_id of its last answer.';

/** The app as a tool, for a model. */
export function describeTool({ name, description }: JimsApp): object {
  const about =
    description ?? `Sends a message to ${name ?? 'the assistant'}, and gives the answer.`;
  return {
    name: TOOL,
    ...(name !== undefined && { title: name }),
    description: `${asSentence(about)} ${MEMORY}`,
    inputSchema: INPUT_SCHEMA,
    outputSchema: OUTPUT_SCHEMA,
  };
}

function asSentence(text: string): string {
  const trimmed = text.trimEnd();
  return /[.!?…。！？]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
