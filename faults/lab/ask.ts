import type { Server } from './server.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON object of the body; empty when it is not an object. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Asks a process once: posts a body, or gets without one. */
export async function ask(
  { url }: Pick<Server, 'url'>,
  path: string,
  body?: object,
  { method, headers = {}, timeoutMs = 20_000 }: AskOptions = {},
): Promise<Reply> {
  const response = await fetch(url + path, {
    method: method ?? (body ? 'POST' : 'GET'),
    headers: { 'content-type': 'application/json', ...headers },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: text.startsWith('{') ? JSON.parse(text) : {},
  };
}

/** A question of a contact, in the words of `app.ts`. */
export function chatBody(contact: string, id: string, command: string): object {
  return { contact_id: contact, message: `${id} canary-${contact} ${command}` };
}

/** The one process of a cluster, which must be there. */
export function only(server: Server | undefined): Server {
  if (server) return server;
  throw new Error('The process is gone');
}
