// Each way to send a message and to read its answer, in every protocol.
import type { ProtocolName } from '../../src/protocols/registry.ts';

export interface Said {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

export interface Way {
  readonly path: string;
  readonly accept?: string;
  /** A new chat with each call. */
  readonly body: (said: readonly Said[]) => object;
  /** What it means to close the connection: with a key, and without. Default: both mean nothing. */
  readonly closing?: 'stops' | 'stops without a key';
}

export interface StreamWay extends Way {
  /** Where the data of a frame has text. */
  readonly text: readonly (string | number)[];
  /** The only type of frames whose text is that of the answer. */
  readonly type?: string;
  /** Whether the client keeps the history, and sends it. */
  readonly history?: boolean;
  /** Whether the protocol says a whole text in one frame, also where it was streamed. */
  readonly whole?: boolean;
  /** Whether its frames have ids. */
  readonly hasIds?: boolean;
}

export interface Ways {
  readonly streams: Readonly<Record<string, StreamWay>>;
  readonly answers: Readonly<Record<string, Way>>;
}

/** What a user says first. */
export function saying(content: string): readonly Said[] {
  return [{ role: 'user', content }];
}

const user = (said: readonly Said[]): string => said.at(-1)?.content ?? '';
const chatBody = (said: readonly Said[]): object => ({ contact_id: 'c', message: user(said) });
const a2aParams = (said: readonly Said[]): object => ({
  message: { messageId: crypto.randomUUID(), role: 'ROLE_USER', parts: [{ text: user(said) }] },
});
const a2aCall =
  (method: string) =>
  (said: readonly Said[]): object => ({ jsonrpc: '2.0', id: 1, method, params: a2aParams(said) });
const toolCall = (said: readonly Said[]): object => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'chat', arguments: { message: user(said) }, _meta: { progressToken: 'p' } },
});
const uiMessages = (said: readonly Said[]): object => ({
  id: crypto.randomUUID(),
  messages: said.map(({ role, content: text }) => ({
    id: crypto.randomUUID(),
    role,
    parts: [{ type: 'text', text }],
  })),
});
const deepChatBody = (said: readonly Said[]): object => ({
  messages: said.map(({ role, content: text }) => ({ role: role === 'user' ? role : 'ai', text })),
});

const SSE = 'application/json, text/event-stream';
const closing = 'stops without a key';

export const WAYS: Readonly<Record<ProtocolName | 'jims', Ways>> = {
  jims: {
    streams: {
      'POST /chat/stream': {
        path: '/api/v1/chat/stream',
        body: (said) => ({ ...chatBody(said), include: ['delta', 'event'] }),
        text: ['assistant_messages', 0],
        whole: true,
        hasIds: true,
      },
    },
    answers: {
      'POST /chat': { path: '/api/v1/chat', body: chatBody },
      'POST /chat that stops when it is left': {
        path: '/api/v1/chat',
        body: (said) => ({ ...chatBody(said), on_disconnect: 'cancel' }),
        closing: 'stops',
      },
    },
  },
  'openai-chat': {
    streams: {
      stream: {
        path: '/v1/chat/completions',
        body: (messages) => ({ model: 'm', stream: true, messages }),
        text: ['choices', 0, 'delta', 'content'],
        history: true,
        closing,
      },
    },
    answers: {
      answer: {
        path: '/v1/chat/completions',
        body: (messages) => ({ model: 'm', messages }),
        closing,
      },
    },
  },
  'openai-responses': {
    streams: {
      stream: {
        path: '/v1/responses',
        body: (input) => ({ model: 'm', stream: true, input }),
        text: ['delta'],
        type: 'response.output_text.delta',
        history: true,
        whole: true,
        hasIds: true,
        closing,
      },
    },
    answers: {
      answer: { path: '/v1/responses', body: (input) => ({ model: 'm', input }), closing },
    },
  },
  anthropic: {
    streams: {
      stream: {
        path: '/v1/messages',
        body: (messages) => ({ model: 'm', stream: true, messages }),
        text: ['delta', 'text'],
        type: 'content_block_delta',
        history: true,
        closing,
      },
    },
    answers: {
      answer: { path: '/v1/messages', body: (messages) => ({ model: 'm', messages }), closing },
    },
  },
  'ai-sdk': {
    streams: {
      DefaultChatTransport: {
        path: '/ai-sdk/chat',
        body: (said) => ({ ...uiMessages(said), trigger: 'submit-message' }),
        text: ['delta'],
        type: 'text-delta',
        history: true,
        closing,
      },
      WorkflowChatTransport: {
        path: '/ai-sdk/chat',
        body: uiMessages,
        text: ['delta'],
        type: 'text-delta',
        history: true,
      },
    },
    answers: {},
  },
  'ag-ui': {
    streams: {
      stream: {
        path: '/ag-ui',
        body: (said) => ({
          threadId: crypto.randomUUID(),
          runId: crypto.randomUUID(),
          messages: said.map((message) => ({ id: crypto.randomUUID(), ...message })),
          tools: [],
          context: [],
          state: {},
          forwardedProps: {},
        }),
        text: ['delta'],
        type: 'TEXT_MESSAGE_CONTENT',
        history: true,
        closing,
      },
    },
    answers: {},
  },
  'deep-chat': {
    streams: {
      stream: {
        path: '/deep-chat/stream',
        body: deepChatBody,
        text: ['text'],
        history: true,
        closing,
      },
    },
    answers: { answer: { path: '/deep-chat', body: deepChatBody, closing } },
  },
  a2a: {
    streams: {
      'JSON-RPC': {
        path: '/a2a',
        body: a2aCall('SendStreamingMessage'),
        text: ['result', 'artifactUpdate', 'artifact', 'parts', 0, 'text'],
      },
      'HTTP+JSON': {
        path: '/a2a/rest/message:stream',
        body: a2aParams,
        text: ['artifactUpdate', 'artifact', 'parts', 0, 'text'],
      },
    },
    answers: {
      'JSON-RPC': { path: '/a2a', body: a2aCall('SendMessage') },
      'HTTP+JSON': { path: '/a2a/rest/message:send', body: a2aParams },
    },
  },
  mcp: {
    streams: {
      'tools/call as a stream': {
        path: '/mcp',
        accept: SSE,
        body: toolCall,
        text: ['result', 'content', 0, 'text'],
        whole: true,
        closing,
      },
    },
    answers: {
      'tools/call': { path: '/mcp', accept: 'application/json', body: toolCall, closing },
    },
  },
};

/** The ways of all protocols, each with its name. */
function named<W>(of: (ways: Ways) => Readonly<Record<string, W>>): [name: string, way: W][] {
  return Object.entries(WAYS).flatMap(([protocol, ways]) =>
    Object.entries(of(ways)).map(([name, way]): [string, W] => [`${protocol}, ${name}`, way]),
  );
}

export const STREAMS = named(({ streams }) => streams);
export const ANSWERS = named(({ answers }) => answers);
