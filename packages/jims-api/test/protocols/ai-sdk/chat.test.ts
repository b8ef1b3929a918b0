import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Chat } from '@ai-sdk/react';
import { DefaultChatTransport, readUIMessageStream, uiMessageChunkSchema } from 'ai';
import type { UIMessage, UIMessageChunk } from 'ai';
import type { ThreadContext } from 'jims-core';
import * as v from 'valibot';

import { eventually } from '../../../../jims-core/test/support/eventually.ts';
import { fakeModels } from '../../../../jims-core/test/support/fake-models.ts';
import { agentPipeline } from '../../support/agent-pipeline.ts';
import { createGate } from '../../support/gate.ts';
import { serveApp } from '../../support/listening-app.ts';
import { talkative } from '../../support/talkative-pipeline.ts';

interface ChatOptions {
  readonly origin: string;
  readonly id?: string;
  readonly messages?: UIMessage[];
  readonly body?: object;
  readonly headers?: Record<string, string>;
  readonly onData?: (data: unknown) => void;
  readonly onFinish?: (end: { isAbort: boolean }) => void;
}

function chatWith({ origin, id = 'chat', body, headers, ...rest }: ChatOptions): Chat<UIMessage> {
  const api = `${origin}/ai-sdk/chat`;
  const transport = new DefaultChatTransport({
    api,
    body: { contact_id: 'c:1', ...body },
    ...(headers && { headers }),
  });
  return new Chat({ id, transport, ...rest });
}

/** The text parts of each message. */
function textsOf(messages: readonly UIMessage[]): string[][] {
  return messages.map(({ parts }) =>
    parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])),
  );
}

function echoHistory(ctx: ThreadContext): void {
  const said = ctx.history.map(({ role, content }) => `${role}: ${content}`);
  ctx.sendMessage(said.join('; '));
}

function userMessage(text: string): UIMessage {
  return { id: crypto.randomUUID(), role: 'user', parts: [{ type: 'text', text }] };
}

test('two messages of a chat are two runs of one thread', async () => {
  await using served = await serveApp(echoHistory);
  const chat = chatWith(served);
  await chat.sendMessage({ text: 'hello' });
  await chat.sendMessage({ text: 'again' });
  assert.equal(chat.status, 'ready');
  assert.deepEqual(textsOf(chat.messages), [
    ['hello'],
    ['user: hello'],
    ['again'],
    ['user: hello; assistant: user: hello; user: again'],
  ]);
  const threads = (await served.app.threads.list({ contactId: 'c:1', limit: 10 })).threads;
  assert.equal(threads.length, 1);
  assert.deepEqual(chat.messages.at(-1)?.metadata, {
    thread_id: threads[0]?.id,
    run_id: chat.messages.at(-1)?.id.replace(/:answer$/, ''),
  });
});

test('statuses, texts, buttons and events come as parts of one message; what is internal does not come', async () => {
  await using served = await serveApp(talkative);
  const data: unknown[] = [];
  const chat = chatWith({ ...served, onData: (part) => data.push(part) });
  await chat.sendMessage({ text: 'go' });
  assert.equal(chat.status, 'ready');
  const answer = chat.lastMessage;
  assert.deepEqual(textsOf(answer ? [answer] : []), [['one two three', 'Which?', 'the end']]);
  const buttons = answer?.parts.filter(({ type }) => type === 'data-buttons');
  assert.equal(buttons?.length, 1);
  assert.deepEqual(Object(buttons[0]).data.buttons, [
    { text: 'A', id: 'a' },
    { text: 'B', id: 'b' },
  ]);
  assert.deepEqual(data.map((part) => Object(part).data).slice(0, 3), [
    { status: 'Searching…', type: 'searching' },
    { status: 'plain', type: 'status' },
    { event_type: 'rag.found', event_data: { documents: 2 } },
  ]);
  assert.doesNotMatch(JSON.stringify([chat.messages, data]), /secret/);
});

test('what the models of a run used is in the metadata', async () => {
  await using models = await fakeModels();
  const llm = models.provider({ model: 'gpt-4.1-mini' });
  const pipeline = (ctx: ThreadContext): Promise<string> =>
    ctx.sendMessage(ctx.llm.stream([{ role: 'user', content: 'one two' }]));
  await using served = await serveApp({ pipeline, llm });
  const chat = chatWith(served);
  await chat.sendMessage({ text: 'hello' });
  assert.deepEqual(textsOf(chat.messages).at(-1), ['echo: one two']);
  const { inputTokens, outputTokens, totalTokens } = Object(chat.lastMessage?.metadata).usage;
  assert.ok(inputTokens > 0 && outputTokens > 0);
  assert.equal(totalTokens, inputTokens + outputTokens);
});

test('text is seen to grow while the app still writes it, and every chunk is what the client knows', async () => {
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
  const transport = new DefaultChatTransport({ api: `${served.origin}/ai-sdk/chat` });
  const stream = await transport.sendMessages({
    trigger: 'submit-message',
    chatId: 'chat',
    messageId: undefined,
    messages: [userMessage('hello')],
    abortSignal: undefined,
  });
  const [chunks, readable] = stream.tee();
  const seen: string[] = [];
  for await (const message of readUIMessageStream({ stream: readable })) {
    const text = textsOf([message]).flat().join('');
    if (text !== '' && text !== seen.at(-1)) seen.push(text);
    if (text === 'Hel') gate.open();
  }
  assert.deepEqual(seen, ['Hel', 'Hello']);
  for (const chunk of await all(chunks)) {
    const checked = await uiMessageChunkSchema().validate?.(chunk);
    assert.equal(checked?.success, true, JSON.stringify(chunk));
  }
});

test('the answer names its thread and its run, and the protocol', async () => {
  await using served = await serveApp((ctx) => ctx.sendMessage('hi'));
  const response = await fetch(`${served.origin}/api/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: 'chat', messages: [userMessage('hello')] }),
  });
  assert.equal(response.headers.get('x-vercel-ai-ui-message-stream'), 'v1');
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
  const run = await served.app.runs.find(response.headers.get('x-jims-run-id') ?? '');
  assert.equal(run?.thread.id, response.headers.get('x-jims-thread-id'));
  assert.match(await response.text(), /\ndata: \[DONE\]\n\n$/);
});

test('an answer made anew, and a message edited, leave out what came after', async () => {
  await using served = await serveApp(echoHistory);
  const chat = chatWith(served);
  await chat.sendMessage({ text: 'one' });
  await chat.sendMessage({ text: 'two' });
  await chat.regenerate();
  assert.deepEqual(textsOf(chat.messages).at(-1), ['user: one; assistant: user: one; user: two']);
  const first = chat.messages[0]?.id ?? '';
  await chat.sendMessage({ messageId: first, text: 'other' });
  assert.deepEqual(textsOf(chat.messages), [['other'], ['user: other']]);
});

test('a click on a button is a message whose text is btn: and its id, also restored', async () => {
  await using served = await serveApp((ctx) => {
    const action = ctx.lastUserAction;
    ctx.sendMessage(`${action?.name} ${action?.content} of ${ctx.history.length}`);
  });
  const chat = chatWith({ ...served, body: { contact_id: 'c:1' } });
  await chat.sendMessage({ text: 'btn:a' });
  await chat.sendMessage(
    { text: 'b' },
    { body: { contact_id: 'c:1', event_type: 'comm.user_button_click' } },
  );
  await chat.sendMessage({ text: 'and' });
  assert.deepEqual(textsOf(chat.messages.filter(({ role }) => role === 'assistant')), [
    ['user_button_click a of 1'],
    ['user_button_click b of 3'],
    ['user_message and of 5'],
  ]);
  const restored = await fetch(`${served.origin}/ai-sdk/chat/${chat.id}?contact_id=c:1`);
  const { messages }: { messages: UIMessage[] } = JSON.parse(await restored.text());
  assert.deepEqual(textsOf(messages.filter(({ role }) => role === 'user')), [
    ['btn:a'],
    ['btn:b'],
    ['and'],
  ]);
});

test('stop cancels the run, and what was seen is kept', async () => {
  const { pipeline, stopped } = agentPipeline();
  await using served = await serveApp(pipeline);
  let aborted = false;
  const chat = chatWith({ ...served, onFinish: ({ isAbort }) => (aborted = isAbort) });
  const answered = chat.sendMessage({ text: 'wait' });
  await untilText(chat, 'beginning ');
  await chat.stop();
  await answered;
  await stopped;
  assert.equal(chat.status, 'ready');
  assert.equal(aborted, true);
  await untilKept(served.origin, [['wait'], ['beginning ']]);
});

test('a broken pipeline gives an error chunk; its question is not stored twice when it is sent again', async () => {
  let broken = true;
  await using served = await serveApp((ctx) => {
    if (broken) throw new Error('kaboom');
    echoHistory(ctx);
  });
  const chat = chatWith(served);
  await chat.sendMessage({ text: 'hello' });
  assert.equal(chat.status, 'error');
  assert.match(chat.error?.message ?? '', /^Pipeline error \(request /);
  broken = false;
  await chat.regenerate();
  assert.deepEqual(textsOf(chat.messages), [['hello'], ['user: hello']]);
});

test('a message that is refused costs the chat nothing: its thread, its state, its buttons', async () => {
  const gate = createGate();
  await using served = await serveApp(async (ctx) => {
    if (ctx.lastUserMessage === 'slow') await gate.passed(ctx.signal);
    const { n } = ctx.getState('n', v.object({ n: v.number() })) ?? { n: 0 };
    ctx.setState('n', { n: n + 1 });
    ctx.sendMessageWithButtons(`run ${n + 1} of ${ctx.events.length}`, [{ text: 'A', id: 'a' }]);
  });
  const chat = chatWith(served);
  await chat.sendMessage({ text: 'one' });
  const file = { type: 'file', mediaType: 'image/png', url: 'data:,' } as const;
  await chat.sendMessage({ text: 'look', files: [file] });
  assert.equal(chat.status, 'error');
  await chat.sendMessage({ text: 'not this', metadata: {} }, { body: { event_type: 'jims.x' } });
  assert.equal(chat.status, 'error');
  await chat.sendMessage({ text: 'two' });
  assert.match(textsOf(chat.messages).at(-1)?.[0] ?? '', /^run 2 of 5$/);

  const other = chatWith({ ...served, messages: chat.messages });
  const slow = other.sendMessage({ text: 'slow' });
  await untilActive(served, 'c:1', 'jims:ai-sdk:chat');
  await chat.sendMessage({ text: 'busy' }, { body: { on_busy: 'reject' } });
  assert.match(chat.error?.message ?? '', /not finished/);
  gate.open();
  await slow;
  await other.sendMessage({ text: 'four' });
  assert.match(textsOf(other.messages).at(-1)?.[0] ?? '', /^run 4 of /);
  const threads = (await served.app.threads.list({ contactId: 'c:1', limit: 10 })).threads;
  assert.equal(threads.length, 1);
});

test('a message that is refused while the one before it is answered costs the chat nothing', async () => {
  const gate = createGate();
  await using served = await serveApp(async (ctx) => {
    const { n } = ctx.getState('n', v.object({ n: v.number() })) ?? { n: 0 };
    ctx.setState('n', { n: n + 1 });
    await ctx.sendMessage(
      (async function* () {
        yield 'run ';
        if (ctx.lastUserMessage === 'slow') await gate.passed(ctx.signal);
        yield `${n + 1}`;
      })(),
    );
  });
  const chat = chatWith(served);
  await chat.sendMessage({ text: 'one' });
  const slow = chat.sendMessage({ text: 'slow' });
  await untilActive(served, 'c:1', 'jims:ai-sdk:chat');
  await eventually(() => textsOf(chat.messages).at(-1)?.[0] === 'run ');
  await chat.sendMessage({ text: 'busy' }, { body: { on_busy: 'reject' } });
  assert.match(chat.error?.message ?? '', /not finished/);
  gate.open();
  await slow;
  await chat.sendMessage({ text: 'two' });
  assert.equal(textsOf(chat.messages).at(-1)?.[0], 'run 3');
  const { threads } = await served.app.threads.list({ contactId: 'c:1', limit: 10 });
  assert.equal(threads.length, 1);
});

test('first messages that are refused are not in the thread that the next one begins', async () => {
  await using served = await serveApp(
    (ctx) => ctx.sendMessage(ctx.history.map(({ content }) => content).join()),
    { maxMessageBytes: 100 },
  );
  const chat = chatWith(served);
  const file = { type: 'file', mediaType: 'image/png', url: 'data:,' } as const;
  await chat.sendMessage({ text: 'look', files: [file] });
  await chat.sendMessage({ text: 'x'.repeat(101) });
  assert.equal(chat.status, 'error');
  await chat.sendMessage({ text: 'one' });
  await chat.sendMessage({ text: 'two' });
  assert.deepEqual(textsOf(chat.messages).at(-1), ['one,one,two']);
});

test('a refusal is a sentence, and the client does not retry', async () => {
  await using served = await serveApp((ctx) => ctx.sendMessage('hi'), { apiKeys: ['key'] });
  let requests = 0;
  const transport = new DefaultChatTransport({
    api: `${served.origin}/ai-sdk/chat`,
    fetch: (...request) => {
      requests++;
      return fetch(...request);
    },
  });
  const chat = new Chat({ id: 'chat', transport });
  await chat.sendMessage({ text: 'hello' });
  assert.equal(chat.status, 'error');
  assert.match(chat.error?.message ?? '', /^[A-Z][^{}]+$/);
  assert.equal(requests, 1);
  const authorized = chatWith({ ...served, headers: { authorization: 'Bearer key' } });
  await authorized.sendMessage({ text: 'hello' });
  assert.equal(authorized.status, 'ready');
});

test('a body that cannot be used is refused with all its faults', async () => {
  await using served = await serveApp((ctx) => ctx.sendMessage('hi'));
  const post = async (body: object): Promise<[number, string]> => {
    const response = await fetch(`${served.origin}/ai-sdk/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return [response.status, await response.text()];
  };
  const file = { type: 'file', mediaType: 'image/png', url: 'data:,' };
  assert.deepEqual(await post({ messages: [] }), [
    422,
    'body.messages: List should have at least 1 item after validation, not 0',
  ]);
  assert.deepEqual(await post({ id: 'x', messages: [{ id: 'a', role: 'assistant', parts: [] }] }), [
    422,
    'body.messages: Value error, the last message must be the user’s',
  ]);
  assert.deepEqual(await post({ id: 'x', messages: [{ id: 'u', role: 'user', parts: [file] }] }), [
    422,
    'body.messages: Value error, a data URL must be data:<type>;base64,…',
  ]);
  assert.deepEqual(
    await post({ id: 'x', messages: [userMessage('x')], event_type: 'state.set.admin' }),
    [422, 'body.event_type: Value error, clients may not send events of this type'],
  );
});

test('a request sent again with its idempotency key gets the same answer, and is run once', async () => {
  let runs = 0;
  await using served = await serveApp((ctx) => ctx.sendMessage(`run ${++runs}`));
  const body = JSON.stringify({ id: 'chat', messages: [userMessage('hello')] });
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'k1' };
  const post = async (): Promise<Response> =>
    fetch(`${served.origin}/ai-sdk/chat`, { method: 'POST', headers, body });
  const first = await (await post()).text();
  const again = await post();
  assert.equal(again.headers.get('idempotency-replayed'), 'true');
  assert.equal(await again.text(), first);
  assert.match(first, /"delta":"run 1"/);
  assert.equal(runs, 1);
});

test('chats of one name are two when they are of two contacts', async () => {
  await using served = await serveApp(echoHistory);
  const mine = chatWith({ ...served, body: { contact_id: 'a' } });
  const theirs = chatWith({ ...served, body: { contact_id: 'b' } });
  await mine.sendMessage({ text: 'mine' });
  await theirs.sendMessage({ text: 'theirs' });
  assert.deepEqual(textsOf(theirs.messages), [['theirs'], ['user: theirs']]);
});

test('a thread is named by its id for one contact, and unknown for another', async () => {
  await using served = await serveApp(echoHistory);
  const ctl = await served.app.threads.getOrCreate({ contactId: 'c:1' });
  await ctl.appendUserMessage('before');
  const chat = chatWith({ ...served, body: { thread_id: ctl.thread.id } });
  await chat.sendMessage({ text: 'now' });
  assert.deepEqual(textsOf(chat.messages), [['now'], ['user: before; user: now']]);
  const stranger = chatWith({ ...served, body: { thread_id: ctl.thread.id, contact_id: 'x' } });
  await stranger.sendMessage({ text: 'now' });
  assert.match(stranger.error?.message ?? '', /not found/i);
});

test('two contacts whose names run into their chats’ names do not meet', async () => {
  await using served = await serveApp(echoHistory);
  const theirs = chatWith({ ...served, id: 'x', body: { contact_id: 'a:b' } });
  await theirs.sendMessage({ text: 'theirs' });
  const mine = chatWith({ ...served, id: 'b:x', body: { contact_id: 'a' } });
  await mine.sendMessage({ text: 'mine' });
  assert.deepEqual(textsOf(mine.messages), [['mine'], ['user: mine']]);
  await theirs.sendMessage({ text: 'still' });
  assert.deepEqual(textsOf(theirs.messages).at(-1), [
    'user: theirs; assistant: user: theirs; user: still',
  ]);
});

test('a busy thread, and a full service, refuse in words', async () => {
  const gate = createGate();
  await using served = await serveApp(
    async (ctx) => {
      await gate.passed(ctx.signal);
      ctx.sendMessage('done');
    },
    { limits: { maxRuns: 1 } },
  );
  const first = chatWith(served);
  const answered = first.sendMessage({ text: 'one' });
  await untilActive(served, 'c:1', 'jims:ai-sdk:chat');
  const full = chatWith({ ...served, id: 'other' });
  await full.sendMessage({ text: 'two' });
  assert.equal(full.status, 'error');
  assert.match(full.error?.message ?? '', /^\S[^{}]+$/);
  gate.open();
  await answered;
  assert.deepEqual(textsOf(first.messages), [['one'], ['done']]);
});

async function untilText(chat: Chat<UIMessage>, text: string): Promise<void> {
  while (textsOf(chat.messages).flat().at(-1) !== text) await tick();
}

async function untilKept(origin: string, texts: string[][]): Promise<void> {
  const url = `${origin}/ai-sdk/chat/chat?contact_id=c%3A1`;
  for (;;) {
    const { messages } = (await (await fetch(url)).json()) as { messages: UIMessage[] };
    if (JSON.stringify(textsOf(messages)) === JSON.stringify(texts)) return;
    await tick();
  }
}

async function untilActive(
  { app }: Pick<Awaited<ReturnType<typeof serveApp>>, 'app'>,
  contactId: string,
  externalId: string,
): Promise<void> {
  for (;;) {
    const thread = await app.threads.findByExternalId(contactId, externalId);
    if (thread && (await app.runs.active(thread.thread.id))) return;
    await tick();
  }
}

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

async function all(stream: ReadableStream<UIMessageChunk>): Promise<readonly UIMessageChunk[]> {
  const chunks: UIMessageChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
