// The transport that joins again by itself, as it comes from the AI SDK.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Chat } from '@ai-sdk/react';
import { WorkflowChatTransport } from '@ai-sdk/workflow/client';
import type { ChatTransport, UIMessage } from 'ai';

import { agentPipeline } from '../../support/agent-pipeline.ts';
import { createGate } from '../../support/gate.ts';
import { serveApp } from '../../support/listening-app.ts';
import type { ServedApp } from '../../support/listening-app.ts';

type Fetch = typeof globalThis.fetch;

const WORDS = Array.from({ length: 300 }, (_, index) => `w${index} `);

function chatWith({ origin }: ServedApp, fetch: Fetch = cutting([]).fetch): Chat<UIMessage> {
  return new Chat({
    id: 'chat-1',
    transport: transportOf({ api: `${origin}/ai-sdk/chat`, fetch }),
  });
}

type TransportOptions = NonNullable<
  ConstructorParameters<typeof WorkflowChatTransport<UIMessage>>[0]
>;

/** Its types are not made for `exactOptionalPropertyTypes`. */
function transportOf(options: TransportOptions): ChatTransport<UIMessage> {
  return new WorkflowChatTransport<UIMessage>(options) as ChatTransport<UIMessage>;
}

/** The fetch of a page, which names its origin. Cuts each of the first answers after so many bytes. */
function cutting(cuts: readonly number[]): { readonly fetch: Fetch; readonly urls: string[] } {
  const urls: string[] = [];
  return {
    urls,
    async fetch(input, init) {
      const abort = new AbortController();
      const signal = AbortSignal.any([abort.signal, ...(init?.signal ? [init.signal] : [])]);
      const cut = cuts[urls.length];
      const { origin, pathname, search } = new URL(new Request(input).url);
      urls.push(pathname + search);
      const headers = { ...Object(init?.headers), origin };
      const response = await fetch(input, { ...init, headers, signal });
      if (cut === undefined) return response;
      let left = cut;
      const limit = new TransformStream<Uint8Array, Uint8Array>({
        transform(bytes, controller) {
          controller.enqueue(bytes.subarray(0, left));
          left -= bytes.length;
          if (left > 0) return;
          abort.abort();
          controller.error(new TypeError('network error'));
        },
      });
      return new Response(response.body?.pipeThrough(limit), response);
    },
  };
}

function textOf(message: UIMessage | undefined): string {
  return (message?.parts ?? [])
    .flatMap((part) => (part.type === 'text' ? [part.text] : []))
    .join('|');
}

async function untilText(chat: Chat<UIMessage>, text: string): Promise<void> {
  while (textOf(chat.lastMessage) !== text) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function* slowly(words: readonly string[]): AsyncGenerator<string> {
  for (const word of words) {
    yield word;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('an answer that is cut off again and again comes whole, once, of one run', async (t) => {
  t.mock.method(console, 'error', () => {});
  let runs = 0;
  await using served = await serveApp(async (ctx) => {
    runs++;
    ctx.sendMessage('Listen:');
    await ctx.sendMessage(slowly(WORDS));
  });
  const { fetch: bad, urls } = cutting([900, 2000, 4000]);
  const chat = chatWith(served, bad);
  await chat.sendMessage({ text: 'Tell me' });
  assert.equal(chat.error, undefined);
  assert.equal(textOf(chat.lastMessage), `Listen:|${WORDS.join('')}`);
  assert.equal(chat.messages.length, 2);
  assert.equal(runs, 1);
  assert.equal(urls.length, 4);
  assert.match(urls[1] ?? '', /^\/ai-sdk\/chat\/[0-9a-f-]{36}\/stream\?startIndex=[1-9]/);
});

test('the chat goes on in its thread, without a name of its own', async () => {
  await using served = await serveApp(agentPipeline().pipeline);
  const chat = chatWith(served);
  await chat.sendMessage({ text: 'hello' });
  await chat.sendMessage({ text: 'history' });
  assert.equal(textOf(chat.lastMessage), 'hello|Echo: hello|history');
  const { threads } = await served.app.threads.list({ limit: 10 });
  assert.equal(threads.length, 1);
});

test('leaving does not stop the run, and a chat that is named is found again after a reload', async (t) => {
  t.mock.method(console, 'error', () => {});
  const gate = createGate();
  await using served = await serveApp(async (ctx) => {
    await ctx.sendMessage(
      (async function* () {
        yield 'Hel';
        await gate.passed(ctx.signal);
        yield 'lo';
      })(),
    );
  });
  const transport = transportOf({
    api: `${served.origin}/ai-sdk/chat`,
    fetch: cutting([]).fetch,
    prepareSendMessagesRequest: ({ id, messages }) => ({ body: { id, messages } }),
  });
  const left = new Chat<UIMessage>({ id: 'named', transport });
  const answered = left.sendMessage({ text: 'Hi' });
  await untilText(left, 'Hel');
  await left.stop();
  await answered;

  const restored = await fetch(`${served.origin}/ai-sdk/chat/named`);
  const { messages }: { messages: UIMessage[] } = JSON.parse(await restored.text());
  const chat = new Chat<UIMessage>({ id: 'named', transport, messages });
  const resumed = chat.resumeStream();
  await untilText(chat, 'Hel');
  gate.open();
  await resumed;
  assert.deepEqual(chat.messages.map(textOf), ['Hi', 'Hello']);

  // Nothing is being written any more: the client waits for a finish, and gets it.
  await chat.resumeStream();
  assert.equal(chat.error, undefined);
  assert.deepEqual(chat.messages.map(textOf), ['Hi', 'Hello']);
});

test('an answer that fails, or is stopped, ends: the client does not come back forever', async (t) => {
  t.mock.method(console, 'error', () => {});
  const agent = agentPipeline();
  await using served = await serveApp(agent.pipeline);
  const { fetch: counted, urls } = cutting([]);
  const failing = chatWith(served, counted);
  await failing.sendMessage({ text: 'boom' });
  assert.match(failing.error?.message ?? '', /Pipeline error/);
  assert.equal(agent.runs, 1);

  const stopped = chatWith(served, counted);
  const answered = stopped.sendMessage({ text: 'wait' });
  await untilText(stopped, 'beginning ');
  const { metadata } = stopped.lastMessage ?? {};
  const { run_id }: { run_id?: string } = Object(metadata);
  await served.app.runs.cancel(run_id ?? '');
  await answered;
  assert.equal(textOf(stopped.lastMessage), 'beginning ');
  assert.ok(urls.length < 6, urls.join('\n'));
});
