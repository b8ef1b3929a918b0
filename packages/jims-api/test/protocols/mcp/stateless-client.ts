// The official client of the second line, which speaks 2026-07-28.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type {
  ElicitRequest,
  ElicitResult,
  VersionNegotiationMode,
} from '@modelcontextprotocol/client';

import { VERSION } from './stateless-request.ts';

/** What its user says to a form. */
export type Answering = (form: ElicitRequest['params']) => ElicitResult | Promise<ElicitResult>;

export interface StatelessClientOptions {
  /** Default: nothing but 2026-07-28. */
  readonly mode?: VersionNegotiationMode;
  readonly elicit?: Answering;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function statelessClient(
  origin: string,
  { mode = { pin: VERSION }, elicit, headers = {} }: StatelessClientOptions = {},
): Promise<AsyncDisposable & { readonly client: Client }> {
  const client = new Client(
    { name: 'test', version: '1.0.0' },
    { capabilities: elicit ? { elicitation: {} } : {}, versionNegotiation: { mode } },
  );
  if (elicit) client.setRequestHandler('elicitation/create', ({ params }) => elicit(params));
  await client.connect(
    new StreamableHTTPClientTransport(new URL('/mcp', origin), { requestInit: { headers } }),
  );
  return { client, [Symbol.asyncDispose]: () => client.close() };
}

/** Calls the tool `chat`; gives what it said. */
export async function say(
  { client }: { readonly client: Client },
  message: string,
  options?: Parameters<Client['callTool']>[1],
  args: Readonly<Record<string, unknown>> = {},
): Promise<{
  readonly texts: readonly string[];
  readonly isError: boolean;
  readonly threadId: string;
}> {
  const result = await client.callTool({ name: 'chat', arguments: { message, ...args } }, options);
  const { structuredContent } = result;
  return {
    texts: result.content.flatMap((item) => (item.type === 'text' ? item.text : [])),
    isError: result.isError === true,
    threadId: String(Object(structuredContent).thread_id),
  };
}
