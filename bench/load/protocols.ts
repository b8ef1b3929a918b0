/** How a question is asked in a protocol, and where the answer has its text. */
export interface ChatProtocol {
  readonly path: string;
  /** Beside those of every request with JSON. */
  readonly headers?: readonly string[];
  readonly body: (contact: string, message: string) => object;
  readonly textOf: (answer: unknown) => unknown;
}

/** The text of one answer, whatever else there is. */
interface Text {
  readonly text?: unknown;
}

interface JimsAnswer {
  readonly assistant_messages: readonly unknown[];
}

interface MessageAnswer {
  readonly content: readonly Text[];
}

interface CompletionAnswer {
  readonly choices: readonly { readonly message: { readonly content: unknown } }[];
}

interface ResponseAnswer {
  readonly output: readonly { readonly content: readonly Text[] }[];
}

interface TaskAnswer {
  readonly task: { readonly artifacts: readonly { readonly parts: readonly Text[] }[] };
}

interface RpcAnswer<Result> {
  readonly result: Result;
}

const A2A = { headers: ['a2a-version: 1.0'] } as const;
const VERSION = '2026-07-28';

/** What the load generator speaks. A protocol more is an entry more. */
export const PROTOCOLS = {
  jims: {
    path: '/api/v1/chat',
    body: (contact, message) => ({ contact_id: contact, message }),
    textOf: (answer) => (answer as JimsAnswer).assistant_messages[0],
  },
  'openai-chat': {
    path: '/v1/chat/completions',
    body: (contact, message) => ({
      model: 'jims',
      user: contact,
      messages: [{ role: 'user', content: message }],
    }),
    textOf: (answer) => (answer as CompletionAnswer).choices[0]?.message.content,
  },
  'openai-responses': {
    path: '/v1/responses',
    body: (contact, message) => ({ model: 'jims', user: contact, input: message }),
    textOf: (answer) => (answer as ResponseAnswer).output[0]?.content[0]?.text,
  },
  anthropic: {
    path: '/v1/messages',
    body: (contact, message) => ({
      model: 'jims',
      max_tokens: 1000,
      metadata: { user_id: contact },
      messages: [{ role: 'user', content: message }],
    }),
    textOf: (answer) => (answer as MessageAnswer).content[0]?.text,
  },
  a2a: {
    ...A2A,
    path: '/a2a',
    body: (contact, message) => rpc('SendMessage', a2aMessage(contact, message)),
    textOf: (answer) => textOfTask((answer as RpcAnswer<TaskAnswer>).result),
  },
  'a2a-rest': {
    ...A2A,
    path: '/a2a/rest/message:send',
    body: a2aMessage,
    textOf: (answer) => textOfTask(answer as TaskAnswer),
  },
  mcp: {
    path: '/mcp',
    headers: [
      `mcp-protocol-version: ${VERSION}`,
      'mcp-method: tools/call',
      'mcp-name: chat',
      'accept: application/json',
    ],
    body: (contact, message) =>
      rpc('tools/call', {
        ...toolCall(contact, message),
        _meta: {
          'io.modelcontextprotocol/protocolVersion': VERSION,
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      }),
    textOf: textOfTool,
  },
  'mcp-2025': {
    path: '/mcp',
    headers: ['mcp-protocol-version: 2025-11-25', 'accept: application/json'],
    body: (contact, message) => rpc('tools/call', toolCall(contact, message)),
    textOf: textOfTool,
  },
  'deep-chat': {
    path: '/deep-chat',
    body: (contact, message) => ({ contact_id: contact, messages: [{ text: message }] }),
    textOf: (answer) => (answer as Text).text,
  },
} as const satisfies Readonly<Record<string, ChatProtocol>>;

export type ProtocolName = keyof typeof PROTOCOLS;

function rpc(method: string, params: object): object {
  return { jsonrpc: '2.0', id: 1, method, params };
}

/** A contact sends one message, so the message may have their name. */
function a2aMessage(contact: string, text: string): object {
  const message = { messageId: contact, role: 'ROLE_USER', parts: [{ text }] };
  return { message, metadata: { contact_id: contact } };
}

function textOfTask({ task }: TaskAnswer): unknown {
  return task.artifacts[0]?.parts[0]?.text;
}

function toolCall(contact: string, message: string): object {
  return { name: 'chat', arguments: { message, contact_id: contact } };
}

function textOfTool(answer: unknown): unknown {
  return (answer as RpcAnswer<MessageAnswer>).result.content[0]?.text;
}
