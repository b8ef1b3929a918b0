import type { Protocol } from '../http/route.ts';

/** A protocol that can be switched on, and the paths that it answers. */
export interface ProtocolEntry {
  /**
   * Paths with such a prefix belong to the protocol, unless another one has a longer prefix for them.
   * The protocol is loaded when the first request for one of them comes.
   */
  readonly prefixes: readonly string[];
  /** For people: what it is. */
  readonly title: string;
  readonly load: () => Promise<Protocol>;
  /** Whether its clients can be sent what becomes of their runs: see `Protocol.delivering`. */
  readonly delivers?: boolean;
}

/** Every protocol beside JIMS's own. No prefix belongs to two. */
export const PROTOCOLS = {
  a2a: {
    prefixes: ['/a2a', '/.well-known/agent-card.json'],
    title: 'Agent2Agent (A2A)',
    load: async () => (await import('./a2a/routes.ts')).a2aProtocol,
    delivers: true,
  },
  mcp: {
    prefixes: ['/mcp'],
    title: 'Model Context Protocol (MCP)',
    load: async () => (await import('./mcp/routes.ts')).mcpProtocol,
  },
  'openai-responses': {
    prefixes: [
      '/v1/responses',
      '/v1/conversations',
      '/openai/v1/responses',
      '/openai/v1/conversations',
    ],
    title: 'OpenAI Responses and Conversations',
    load: async () => (await import('./openai/responses/routes.ts')).openAiResponsesProtocol,
  },
  'openai-chat': {
    // All of OpenAI's paths, so that unknown ones are refused in OpenAI's words.
    prefixes: ['/v1', '/openai/v1'],
    title: 'OpenAI Chat Completions',
    load: async () => (await import('./openai/chat/routes.ts')).openAiChatProtocol,
  },
  anthropic: {
    prefixes: ['/v1/messages', '/anthropic'],
    title: 'Anthropic Messages',
    load: async () => (await import('./anthropic/routes.ts')).anthropicProtocol,
  },
  'ai-sdk': {
    prefixes: ['/ai-sdk', '/api/chat'],
    title: 'AI SDK UI message stream',
    load: async () => (await import('./ai-sdk/routes.ts')).aiSdkProtocol,
  },
  'ag-ui': {
    prefixes: ['/ag-ui'],
    title: 'AG-UI',
    load: async () => (await import('./ag-ui/routes.ts')).agUiProtocol,
  },
  'deep-chat': {
    prefixes: ['/deep-chat'],
    title: 'Deep Chat',
    load: async () => (await import('./deep-chat/routes.ts')).deepChatProtocol,
  },
} as const satisfies Readonly<Record<string, ProtocolEntry>>;

/** A protocol besides JIMS's own, as `protocols` and `--protocols` name it. */
export type ProtocolName = keyof typeof PROTOCOLS;

export function isProtocolName(name: string): name is ProtocolName {
  return Object.hasOwn(PROTOCOLS, name);
}
