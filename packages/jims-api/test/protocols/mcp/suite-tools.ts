// The tools that the conformance suite of MCP calls, as far as a server with one tool can have them: each is
// the tool `chat`, whose message is the name and the arguments.
import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ThreadContext } from 'jims-core';
import * as v from 'valibot';

import { localPort } from '../../../../jims-core/test/support/local-port.ts';

/** Asks for words by a form. */
async function asked(
  ctx: ThreadContext,
  { name, text, member }: { readonly name: string; readonly text: string; readonly member: string },
): Promise<string> {
  const schema = v.object({ [member]: v.string() });
  const answer = await ctx.ask(text, { name, schema });
  assert.ok(answer.kind === 'message');
  return answer.value?.[member] ?? 'somebody';
}

const NAME = { name: 'user_name', text: 'What is your name?', member: 'name' };

async function askName(ctx: ThreadContext): Promise<void> {
  ctx.sendMessage(`Hello, ${await asked(ctx, NAME)}!`);
}

async function confirm(ctx: ThreadContext): Promise<void> {
  const schema = v.object({ ok: v.boolean() });
  const answer = await ctx.ask('Please confirm', { name: 'confirm', schema });
  ctx.sendMessage(answer.kind === 'message' ? 'state-ok' : answer.kind);
}

/** A schema whose JSON schema is this one. */
function formOf(properties: Readonly<Record<string, object>>) {
  const schema = { type: 'object', properties };
  return {
    '~standard': {
      version: 1 as const,
      vendor: 'suite',
      validate: (value: unknown) => ({ value }),
      jsonSchema: { input: () => schema, output: () => schema },
    },
  };
}

const OPTIONS = ['option1', 'option2', 'option3'];
const TITLED = OPTIONS.map((option) => ({ const: option, title: `The ${option}` }));
const ENUMS = {
  untitledSingle: { type: 'string', enum: OPTIONS },
  titledSingle: { type: 'string', oneOf: TITLED },
  legacyEnum: { type: 'string', enum: OPTIONS, enumNames: ['One', 'Two', 'Three'] },
  untitledMulti: { type: 'array', items: { type: 'string', enum: OPTIONS } },
  titledMulti: { type: 'array', items: { anyOf: TITLED } },
};
const DEFAULTS = {
  name: { type: 'string', default: 'John Doe' },
  age: { type: 'integer', default: 30 },
  score: { type: 'number', default: 95.5 },
  status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', default: true },
};
const PERSON = { username: { type: 'string' }, email: { type: 'string' } };

function fill(properties: Readonly<Record<string, object>>): Tool {
  return async (ctx) => {
    const answer = await ctx.ask('Please fill this in', { schema: formOf(properties) });
    assert.ok(answer.kind === 'message');
    ctx.sendMessage(`Filled in: ${JSON.stringify(answer.value)}`);
  };
}

const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const SILENCE = Buffer.from(
  'RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\0\0\0\0',
  'latin1',
);

/** A file of each kind that a result has in itself. */
const FILES = {
  image: { name: 'dot.png', mediaType: 'image/png', data: PIXEL },
  audio: { name: 'silence.wav', mediaType: 'audio/wav', data: SILENCE },
  text: { name: 'note.txt', mediaType: 'text/plain', data: Buffer.from('Some plain text.') },
};

/** The files that stand for the resources of the suite. */
const RESOURCES = {
  'test://static-text': { name: 'text.txt', content: 'Plain text.' },
  'test://static-binary': { name: 'dot.png', content: PIXEL },
  'test://template/123/data': { name: 'data.json', content: '{"id":"123"}' },
};

function sendFiles(text: string, ...kinds: (keyof typeof FILES)[]): Tool {
  return (ctx) => ctx.sendMessage(text, { files: kinds.map((kind) => FILES[kind]) });
}

type Tool = (ctx: ThreadContext, args: Readonly<Record<string, unknown>>) => unknown;

const TOOLS: Readonly<Record<string, Tool>> = {
  test_simple_text: (ctx) => ctx.sendMessage('This is a simple text response for testing.'),
  test_image_content: sendFiles('', 'image'),
  test_audio_content: sendFiles('', 'audio'),
  test_embedded_resource: sendFiles('', 'text'),
  test_multiple_content_types: sendFiles('Several kinds:', 'image', 'text'),
  test_logging_tool: (ctx) => ctx.sendMessage('It logs nothing.'),
  test_error_handling() {
    throw new Error('This tool intentionally returns an error for testing');
  },
  async test_tool_with_progress(ctx) {
    for (const message of ['none', 'half', 'all']) {
      ctx.updateAgentStatus(message);
      await sleep(10);
    }
    ctx.sendMessage('done');
  },
  test_elicitation: fill(PERSON),
  test_elicitation_sep1034_defaults: fill(DEFAULTS),
  test_elicitation_sep1330_enums: fill(ENUMS),
  test_input_required_result_elicitation: askName,
  test_streaming_elicitation: askName,
  test_input_required_result_request_state: confirm,
  test_input_required_result_tampered_state: confirm,
  async test_input_required_result_multi_round(ctx) {
    const name = await asked(ctx, { name: 'step1', text: 'Step 1: Your name?', member: 'name' });
    const color = await asked(ctx, { name: 'step2', text: 'Step 2: A color?', member: 'color' });
    ctx.sendMessage(`${name} likes ${color}`);
  },
  greet: (ctx, { name }) => ctx.sendMessage(`Hello, ${String(name)}!`),
  async slow_compute(ctx, { seconds }) {
    await sleep(Number(seconds) * 1000, undefined, { signal: ctx.signal });
    ctx.sendMessage('computed');
  },
  async failing_job() {
    await sleep(1000);
    throw new Error('The job failed');
  },
  async confirm_delete(ctx, { filename }) {
    await sleep(1000);
    const schema = v.object({ confirm: v.boolean() });
    const answer = await ctx.ask(`Delete ${String(filename)}?`, { name: 'confirm', schema });
    ctx.sendMessage(`It is ${answer.kind === 'message' ? 'deleted' : 'kept'}`);
  },
  async test_tool_with_task(ctx) {
    const name = await asked(ctx, NAME);
    await sleep(1000);
    ctx.sendMessage(`Hello, ${name}!`);
  },
};

/** Does what the tool does that its first message names. */
export async function suitePipeline(ctx: ThreadContext): Promise<void> {
  const [first] = ctx.history;
  const [name = '', args = '{}'] = String(first?.content).split(/ (.*)/s);
  await TOOLS[name]?.(ctx, JSON.parse(args));
}

type Json = Record<string, unknown>;

/** Stands before a server, and gives it the tools and the resources. */
export async function withSuiteTools(
  origin: string,
): Promise<AsyncDisposable & { readonly url: string }> {
  const uris = new Map<string, string>();
  for (const [uri, file] of Object.entries(RESOURCES)) uris.set(uri, await upload(origin, file));
  const server: Server = createServer((incoming, outgoing) => {
    void pass({ origin, uris }, incoming, outgoing);
  });
  const port = await localPort(server);
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Stores a file; gives its address. */
async function upload(
  origin: string,
  { name, content }: { readonly name: string; readonly content: string | Uint8Array<ArrayBuffer> },
): Promise<string> {
  const form = new FormData();
  form.set('contact_id', 'suite');
  form.set('file', new Blob([content]), name);
  const response = await fetch(`${origin}/api/v1/files`, { method: 'POST', body: form });
  assert.equal(response.status, 201, await response.text());
  return origin + String(response.headers.get('location'));
}

async function pass(
  { origin, uris }: { readonly origin: string; readonly uris: ReadonlyMap<string, string> },
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(piece);
  const text = Buffer.concat(pieces).toString();
  const headers = { ...incoming.headers };
  const body = withAddress(asChat(text, headers), headers, uris);
  headers['content-length'] = String(Buffer.byteLength(body));
  // The host stays as it is: the server checks it.
  const options = { method: incoming.method, path: incoming.url, headers };
  const up = request(origin, options, (answer) => void answerWith(answer, outgoing, text));
  up.on('error', () => outgoing.destroy());
  outgoing.on('close', () => up.destroy());
  up.end(body);
}

async function answerWith(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  text: string,
): Promise<void> {
  const { 'content-length': _, ...headers } = answer.headers;
  outgoing.writeHead(answer.statusCode ?? 502, headers);
  if (!text.includes('"tools/list"')) return void answer.pipe(outgoing);
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece);
  outgoing.end(withTools(Buffer.concat(pieces).toString()));
}

/** A call of one of the tools, as a call of `chat`. */
function asChat(body: string, headers: IncomingHttpHeaders): string {
  const message: Json = parsed(body);
  const { params } = message;
  if (message['method'] !== 'tools/call' || !isJson(params)) return body;
  const { name, arguments: args = {} } = params;
  if (typeof name !== 'string' || !Object.hasOwn(TOOLS, name)) return body;
  if (headers['mcp-name'] === name) headers['mcp-name'] = 'chat';
  const text = `${name} ${JSON.stringify(args)}`;
  return JSON.stringify({
    ...message,
    params: { ...params, name: 'chat', arguments: { message: text } },
  });
}

/** A request for one of the resources, as one for the file that stands for it. */
function withAddress(
  body: string,
  headers: IncomingHttpHeaders,
  uris: ReadonlyMap<string, string>,
): string {
  const message = parsed(body);
  const { params } = message;
  const uri = isJson(params) ? uris.get(String(params['uri'])) : undefined;
  if (!isJson(params) || uri === undefined) return body;
  if (headers['mcp-name'] === params['uri']) headers['mcp-name'] = uri;
  return JSON.stringify({ ...message, params: { ...params, uri } });
}

function withTools(body: string): string {
  const message = parsed(body);
  const { result } = message;
  if (!isJson(result) || !Array.isArray(result['tools'])) return body;
  const [chat] = result['tools'];
  const tools = Object.keys(TOOLS).map((name) => Object.assign({}, chat, { name, title: name }));
  return JSON.stringify({ ...message, result: { ...result, tools: [chat, ...tools] } });
}

function parsed(text: string): Json {
  try {
    const value: unknown = JSON.parse(text);
    return isJson(value) ? value : {};
  } catch {
    return {};
  }
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
