import type { ApiContext, Protocol } from '../http/route.ts';

/** A protocol that can be switched on, and where it answers. */
export interface ProtocolEntry {
  /**
   * Paths that begin so are its own, unless another protocol has a longer prefix for them. It is
   * loaded when the first such request comes.
   */
  readonly prefixes: readonly string[];
  /** For people: what it is. */
  readonly title: string;
  readonly load: (api: ApiContext) => Promise<Protocol>;
}

/** Every protocol beside JIMS's own. No prefix belongs to two. */
export const PROTOCOLS = {
  a2a: {
    prefixes: ['/a2a', '/.well-known/agent-card.json'],
    title: 'Agent2Agent (A2A)',
    load: async (api) => (await import('./a2a/routes.ts')).a2aProtocol(api),
  },
  mcp: {
    prefixes: ['/mcp'],
    title: 'Model Context Protocol (MCP)',
    load: async (api) => (await import('./mcp/routes.ts')).mcpProtocol(api),
  },
  'openai-responses': {
    prefixes: [
      '/v1/responses',
      '/v1/conversations',
      '/openai/v1/responses',
      '/openai/v1/conversations',
    ],
    title: 'OpenAI Responses and Conversations',
    load: async (api) =>
      (await import('./openai/responses/routes.ts')).openAiResponsesProtocol(api),
  },
  'openai-chat': {
    // All of OpenAI's paths, so that those that are not there are refused in its words.
    prefixes: ['/v1', '/openai/v1'],
    title: 'OpenAI Chat Completions',
    load: async (api) => (await import('./openai/chat/routes.ts')).openAiChatProtocol(api),
  },
  'ai-sdk': {
    prefixes: ['/ai-sdk', '/api/chat'],
    title: 'AI SDK UI message stream',
    load: async (api) => (await import('./ai-sdk/routes.ts')).aiSdkProtocol(api),
  },
  'ag-ui': {
    prefixes: ['/ag-ui'],
    title: 'AG-UI',
    load: async (api) => (await import('./ag-ui/routes.ts')).agUiProtocol(api),
  },
  'deep-chat': {
    prefixes: ['/deep-chat'],
    title: 'Deep Chat',
    load: async (api) => (await import('./deep-chat/routes.ts')).deepChatProtocol(api),
  },
} as const satisfies Readonly<Record<string, ProtocolEntry>>;

/** A protocol besides JIMS's own, as `protocols` and `--protocols` name it. */
export type ProtocolName = keyof typeof PROTOCOLS;

export function isProtocolName(name: string): name is ProtocolName {
  return Object.hasOwn(PROTOCOLS, name);
}
