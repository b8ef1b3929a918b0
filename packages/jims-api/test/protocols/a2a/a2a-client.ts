// The official client of A2A, over each way to speak it that is served.
import { randomUUID } from 'node:crypto';

import type { Message, SendMessageRequest, StreamResponse, Task } from '@a2a-js/sdk';
import { Role, TaskState } from '@a2a-js/sdk';
import {
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
} from '@a2a-js/sdk/client';
import type { Client, RequestOptions } from '@a2a-js/sdk/client';

export const BINDINGS = ['JSONRPC', 'HTTP+JSON', 'JSONRPC of 0.3'] as const;
export type Binding = (typeof BINDINGS)[number];

export interface AskTerms {
  readonly contextId?: string;
  readonly taskId?: string;
  readonly contactId?: string;
  readonly parts?: NonNullable<SendMessageRequest['message']>['parts'];
  readonly returnImmediately?: boolean;
  readonly historyLength?: number;
}

/** Finds the agent by its card, and speaks to it with this key. */
export async function a2aClient(
  origin: string,
  { binding, key }: { readonly binding: Binding; readonly key?: string },
): Promise<Client> {
  const legacyCompat = { enabled: binding === 'JSONRPC of 0.3' };
  const fetchImpl: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    if (key !== undefined) headers.set('authorization', `Bearer ${key}`);
    return fetch(input, { ...init, headers });
  };
  const factory = new ClientFactory({
    transports: [
      binding === 'HTTP+JSON'
        ? new RestTransportFactory({ fetchImpl })
        : new JsonRpcTransportFactory({ fetchImpl, legacyCompat }),
    ],
    cardResolver: new DefaultAgentCardResolver({
      legacyCompat,
      ...(legacyCompat.enabled && { fetchImpl: fetchLegacyCard }),
    }),
  });
  return factory.createFromUrl(origin);
}

/** What a client of 0.3 reads of the card. */
async function fetchLegacyCard(input: string | URL | Request): Promise<Response> {
  const response = await fetch(input);
  const { supportedInterfaces: _, ...card } = (await response.json()) as Record<string, unknown>;
  return Response.json(card);
}

/** The options of a call with these headers. */
export function withHeaders(headers: Record<string, string>): RequestOptions {
  return { serviceParameters: headers };
}

export function ask(text: string, terms: AskTerms = {}): SendMessageRequest {
  const { returnImmediately = false, historyLength, contactId } = terms;
  return {
    tenant: '',
    message: {
      messageId: randomUUID(),
      contextId: terms.contextId ?? '',
      taskId: terms.taskId ?? '',
      role: Role.ROLE_USER,
      parts: terms.parts ?? [textPart(text)],
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
    },
    configuration: {
      acceptedOutputModes: [],
      taskPushNotificationConfig: undefined,
      historyLength,
      returnImmediately,
    },
    metadata: contactId === undefined ? undefined : { contact_id: contactId },
  };
}

export function textPart(text: string): NonNullable<SendMessageRequest['message']>['parts'][0] {
  const content = { $case: 'text', value: text } as const;
  return { content, metadata: undefined, filename: '', mediaType: '' };
}

/** Sends, and is sure of a task. */
export async function send(
  client: Client,
  text: string,
  terms?: AskTerms,
  options?: RequestOptions,
): Promise<Task> {
  const result = await client.sendMessage(ask(text, terms), options);
  if ('messageId' in result) throw new Error('The agent answered with a message');
  return result;
}

export function textsOf({ artifacts }: Task): string[] {
  return artifacts.map(({ parts }) => textOf(parts));
}

export function textOf(parts: Message['parts'] = []): string {
  return parts
    .map(({ content }) => (content?.$case === 'text' ? content.value : `<${content?.$case}>`))
    .join('');
}

export function stateOf(task: Pick<Task, 'status'>): string {
  return TaskState[task.status?.state ?? TaskState.UNRECOGNIZED];
}

/** A stream's events in few words: states, what they say, and pieces of artifacts. */
export function summaryOf({ payload }: StreamResponse): string {
  switch (payload?.$case) {
    case 'task':
      return `task ${stateOf(payload.value)}`;
    case 'statusUpdate': {
      const { status, metadata } = payload.value;
      const type = metadata?.['type'];
      const words = [stateOf({ status }), textOf(status?.message?.parts), type ?? ''];
      return words.filter((word) => word !== '').join(' ');
    }
    case 'artifactUpdate': {
      const { artifact, append, lastChunk } = payload.value;
      return `${append ? '+' : '='}${textOf(artifact?.parts)}${lastChunk ? '.' : ''}`;
    }
    default:
      return `? ${payload?.$case}`;
  }
}

export async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const event of events) all.push(event);
  return all;
}
