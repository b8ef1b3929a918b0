// The official client of MCP over Streamable HTTP.
import assert from 'node:assert/strict';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { RequestOptions } from '@modelcontextprotocol/sdk/shared/protocol.js';
import { CallToolResultSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { ElicitRequest, ElicitResult } from '@modelcontextprotocol/sdk/types.js';

export interface McpClient extends AsyncDisposable {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
}

/** What its user says to a form; see `elicitation` of MCP. */
export type Elicit = (form: ElicitRequest['params']) => ElicitResult | Promise<ElicitResult>;

export async function mcpClient(
  origin: string,
  headers: Readonly<Record<string, string>> = {},
  elicit?: Elicit,
): Promise<McpClient> {
  const capabilities = elicit ? { elicitation: {} } : {};
  const client = new Client({ name: 'test', version: '1.0.0' }, { capabilities });
  if (elicit) client.setRequestHandler(ElicitRequestSchema, ({ params }) => elicit(params));
  const transport = new StreamableHTTPClientTransport(new URL('/mcp', origin), {
    requestInit: { headers },
  });
  await client.connect(transport);
  return { client, transport, [Symbol.asyncDispose]: () => client.close() };
}

/** What a call of the tool gave. */
export interface Chatted {
  readonly texts: readonly string[];
  readonly isError: boolean;
  readonly structured: Readonly<Record<string, unknown>> | undefined;
  readonly threadId: string;
}

/** Calls the tool `chat`. */
export async function chat(
  { client }: Pick<McpClient, 'client'>,
  message: string,
  {
    options,
    ...more
  }: { readonly options?: RequestOptions; readonly [name: string]: unknown } = {},
): Promise<Chatted> {
  const result = CallToolResultSchema.parse(
    await client.callTool({ name: 'chat', arguments: { message, ...more } }, undefined, options),
  );
  return {
    texts: result.content.map((item) =>
      item.type === 'text' ? item.text : assert.fail(item.type),
    ),
    isError: result.isError === true,
    structured: result.structuredContent,
    threadId: String(result.structuredContent?.['thread_id']),
  };
}
