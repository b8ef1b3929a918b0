import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** One answer of the server, in full or piece by piece. */
export type WireAnswer = (response: ServerResponse) => void | Promise<void>;

export interface WireRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  // What a provider's package sends is looked at member by member.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export interface WireServer extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string;
  readonly requests: readonly WireRequest[];
  /** What the next requests get. The last answer is given again. */
  answer(...answers: readonly WireAnswer[]): void;
}

/** A server whose answers a test writes byte by byte, to be as odd as real ones are. */
export async function wireServer(): Promise<WireServer> {
  const requests: WireRequest[] = [];
  let answers: readonly WireAnswer[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      const { url: path = '', headers } = request;
      requests.push({ path, headers, body: body === '' ? undefined : JSON.parse(body) });
      const [next, ...rest] = answers;
      if (rest.length > 0) answers = rest;
      await next?.(response);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    answer(...given) {
      requests.length = 0;
      answers = given;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function json(body: unknown, status = 200): WireAnswer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
}

export function page(body: string, type = 'text/html', status = 200): WireAnswer {
  return (response) => {
    response.writeHead(status, { 'content-type': type }).end(body);
  };
}

/** A stream of events: objects as JSON, strings as they are. */
export function events(...chunks: readonly (object | string)[]): WireAnswer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const chunk of chunks) {
      response.write(`data: ${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}\n\n`);
    }
    response.end();
  };
}

/** A whole answer in OpenAI's shape. */
export function said(
  content: string | null,
  more: object = {},
  finish: string | null = 'stop',
): object {
  return {
    id: 'a1',
    object: 'chat.completion',
    model: 'm',
    choices: [
      { index: 0, message: { role: 'assistant', content, ...more }, finish_reason: finish },
    ],
    usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
  };
}

/** A piece of a stream in OpenAI's shape. */
export function piece(content: string, finish: string | null = null): object {
  return {
    id: 'a1',
    model: 'm',
    choices: [{ index: 0, delta: { content }, finish_reason: finish }],
  };
}

/** The providers that speak OpenAI's API, with the variables that lead to a server. */
export const OPENAI_LIKE: Readonly<
  Record<string, (url: string) => Readonly<Record<string, string>>>
> = {
  openai: (url) => ({ OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: 'key-1' }),
  azure: (url) => ({ AZURE_API_BASE: url, AZURE_API_KEY: 'key-1' }),
  openrouter: (url) => ({ OPENROUTER_API_BASE: `${url}/v1`, OPENROUTER_API_KEY: 'key-1' }),
  ollama: (url) => ({ OLLAMA_API_BASE: url }),
  hosted_vllm: (url) => ({ HOSTED_VLLM_API_BASE: `${url}/v1` }),
  cohere: (url) => ({ COHERE_COMPATIBLE_API_BASE: `${url}/v1`, COHERE_API_KEY: 'key-1' }),
  ...Object.fromEntries(
    ['deepseek', 'groq', 'mistral', 'xai'].map((name) => [
      name,
      (url: string) => ({
        [`${name.toUpperCase()}_API_BASE`]: `${url}/v1`,
        [`${name.toUpperCase()}_API_KEY`]: 'key-1',
      }),
    ]),
  ),
};
