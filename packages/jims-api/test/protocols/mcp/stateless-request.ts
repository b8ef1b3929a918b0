// Requests of the revision without sessions, as they are on the wire.
import type { TestApi } from '../../support/api.ts';

export const VERSION = '2026-07-28';
export const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
export const ASKS = { elicitation: { form: {} } };

export function metaOf(capabilities: object): object {
  return {
    'io.modelcontextprotocol/protocolVersion': VERSION,
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  };
}

export interface StatelessOptions {
  readonly capabilities?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Posts a request with the headers that it must have; `headers` are put over them. */
export function postStateless(
  api: Pick<TestApi, 'post'>,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
  { capabilities = {}, headers = {} }: StatelessOptions = {},
): Promise<Response> {
  const name = params['name'] ?? params['taskId'];
  const body = {
    jsonrpc: '2.0',
    id: 7,
    method,
    params: { _meta: metaOf(capabilities), ...params },
  };
  return api.post('/mcp', body, {
    'mcp-protocol-version': VERSION,
    'mcp-method': method,
    ...(typeof name === 'string' && { 'mcp-name': name }),
    ...headers,
  });
}
