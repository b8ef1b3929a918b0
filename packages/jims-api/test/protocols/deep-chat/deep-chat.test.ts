// What the component sends and takes; the component itself is driven in a browser by the test of
// examples/deep-chat-page.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ThreadContext } from 'jims-core';

import { agentPipeline } from '../../support/agent-pipeline.ts';
import { createGate } from '../../support/gate.ts';
import { keptMessages } from '../../support/kept-messages.ts';
import { serveApp } from '../../support/listening-app.ts';
import { talkative } from '../../support/talkative-pipeline.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

interface Said {
  readonly status: number;
  readonly body: unknown;
}

/** As `connect` sends: the new message, and what additionalBodyProps add. */
async function say(origin: string, text: string, props: object = {}): Promise<Said> {
  const body = { messages: [{ role: 'user', text }], contact_id: 'c:1', ...props };
  return send(origin, JSON.stringify(body));
}

async function send(
  origin: string,
  body: string | FormData | Blob,
  headers: object = JSON_TYPE,
): Promise<Said> {
  const request = { method: 'POST', headers: { ...headers }, body };
  const response = await fetch(`${origin}/deep-chat`, request);
  return { status: response.status, body: await response.json() };
}

function openStream(
  origin: string,
  text: string,
  request: { headers?: object; signal?: AbortSignal; props?: object } = {},
): Promise<Response> {
  const { headers, signal, props } = request;
  return fetch(`${origin}/deep-chat/stream`, {
    method: 'POST',
    headers: { ...JSON_TYPE, accept: 'text/event-stream', ...headers },
    body: JSON.stringify({ messages: [{ role: 'user', text }], contact_id: 'c:1', ...props }),
    ...(signal && { signal }),
  });
}

/** The data of the frames, in order. */
function dataOf(stream: string): unknown[] {
  return stream
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice('data: '.length)));
}

function echoHistory(ctx: ThreadContext): void {
  ctx.sendMessage(ctx.history.map(({ role, content }) => `${role}: ${content}`).join('; '));
}

test('two messages of a contact are two runs of their latest thread', async () => {
  await using served = await serveApp(echoHistory);
  assert.deepEqual((await say(served.origin, 'hello')).body, { text: 'user: hello' });
  assert.deepEqual((await say(served.origin, 'again')).body, {
    text: 'user: hello; assistant: user: hello; user: again',
  });
  const [thread, ...more] = (await served.app.threads.list({ contactId: 'c:1', limit: 10 }))
    .threads;
  assert.deepEqual(more, []);
  assert.deepEqual(thread?.config, { interface: 'deep-chat' });
});

test('several messages are a list, with the buttons as html after their text', async () => {
  await using served = await serveApp(talkative);
  const { body } = await say(served.origin, 'go');
  assert.deepEqual(body, [
    { text: 'one two three' },
    { text: 'Which?' },
    {
      html:
        '<button class="jims-widget-callback-btn deep-chat-button" data-jims-callback="btn:a">A</button>' +
        '<button class="jims-widget-callback-btn deep-chat-button" data-jims-callback="btn:b">B</button>',
    },
    { text: 'the end' },
  ]);
});

test('buttons in rows, with callback data, and with marks that html knows', async () => {
  await using served = await serveApp((ctx) => {
    const rows = [[{ text: '<b>', callback_data: 'btn:"x"' }], [{ text: 'plain' }]];
    ctx.sendEvent('comm.assistant_message_with_buttons', {
      role: 'assistant',
      content: '',
      buttons: rows,
    });
  });
  const { body } = await say(served.origin, 'go');
  const html: string = Object(body).html;
  assert.match(html, /data-jims-callback="btn:&quot;x&quot;">&lt;b&gt;</);
  assert.match(html, /data-jims-callback="btn:plain">plain</);
});

test('a click is its callback, as the text or beside the label', async () => {
  await using served = await serveApp((ctx) => {
    const { name, content } = ctx.lastUserAction ?? { name: '', content: '' };
    ctx.sendMessage(`${name} ${content}`);
  });
  const clicked = { text: 'user_button_click a' };
  assert.deepEqual((await say(served.origin, 'btn:a')).body, clicked);
  const message = { role: 'user', text: 'A', custom: { jimsCallback: 'btn:a' } };
  assert.deepEqual((await say(served.origin, '', { messages: [message] })).body, clicked);
});

test('a run that says nothing has an answer, too', async () => {
  await using served = await serveApp(() => {});
  assert.deepEqual((await say(served.origin, 'hello')).body, { text: '(no response)' });
  const stream = await openStream(served.origin, 'hello');
  assert.deepEqual(dataOf(await stream.text()), [{ text: '(no response)' }]);
});

test('an interceptor may give a string: JSON in JSON, or the bare words', async () => {
  await using served = await serveApp((ctx) =>
    ctx.sendMessage(`${ctx.contactId?.startsWith('nobody:deep-chat:')} ${ctx.lastUserMessage}`),
  );
  const inner = JSON.stringify({ messages: [{ text: 'inner' }], contact_id: 'c:1' });
  assert.deepEqual((await send(served.origin, JSON.stringify(inner))).body, {
    text: 'false inner',
  });
  assert.deepEqual((await send(served.origin, JSON.stringify('bare'))).body, {
    text: 'true bare',
  });
});

test('JSON in JSON is read as all JSON is: what cannot be kept is refused, and one level is enough', async () => {
  await using served = await serveApp((ctx) => ctx.sendMessage('ok'));
  const deep = `{"messages":[{"text":"a"}],"thread_config":{"a":${'['.repeat(100)}${']'.repeat(100)}}}`;
  for (const inner of [
    '{"messages":[{"text":"a\\u0000b"}]}',
    '{"messages":[{"text":"a\\ud800b"}]}',
    '{"messages":[{"text":"a"}],"contact_id":"c\\u0000"}',
    deep,
  ]) {
    const { status, body } = await send(served.origin, JSON.stringify(inner));
    assert.equal(status, 422, inner.slice(0, 100));
    assert.match(JSON.stringify(body), /JSON decode error/);
  }
  const twice = JSON.stringify(JSON.stringify('{"messages":[]}'));
  assert.equal((await send(served.origin, twice)).status, 200);
});

test('strangers do not share a thread: each message has what its page sends with it', async () => {
  await using served = await serveApp(echoHistory);
  const messages = [
    { role: 'user', text: 'one' },
    { role: 'ai', text: 'user: one' },
    { role: 'ai', html: '<button>A</button>' },
    { role: 'user', text: 'two' },
  ];
  const first = await send(served.origin, JSON.stringify({ messages: messages.slice(0, 1) }));
  assert.deepEqual(first.body, { text: 'user: one' });
  const alone = await send(served.origin, JSON.stringify({ messages: messages.slice(-1) }));
  assert.deepEqual(alone.body, { text: 'user: two' });
  const all = await send(served.origin, JSON.stringify({ messages }));
  assert.deepEqual(all.body, { text: 'user: one; assistant: user: one; user: two' });
  const contacts = (await served.app.threads.list({ limit: 10 })).threads.map(
    (each) => each.contactId,
  );
  assert.equal(new Set(contacts).size, 3);
});

test('a stream has pieces of text as they come, a blank line between messages, buttons without html', async () => {
  const gate = createGate();
  await using served = await serveApp(async (ctx) => {
    ctx.updateAgentStatus({ message: 'Searching…', statusType: 'searching' });
    await ctx.sendMessage(
      (async function* () {
        yield 'Hel';
        await gate.passed(ctx.signal);
        yield 'lo';
      })(),
    );
    ctx.sendMessageWithButtons('Which?', [{ text: 'A', id: 'a' }]);
  });
  const response = await openStream(served.origin, 'go');
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
  let text = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (text.includes('"Hel"')) gate.open();
  }
  assert.match(text, /^event: status\ndata: \{"status":"Searching…"\}$/m);
  assert.deepEqual(dataOf(text), [
    { status: 'Searching…' },
    { text: 'Hel' },
    { text: 'lo' },
    { text: '\n\nWhich?' },
    { buttons: [{ text: 'A', id: 'a' }] },
  ]);
});

test('the stop button closes the stream: the run is cancelled, and what was seen is kept', async () => {
  const { pipeline, stopped } = agentPipeline();
  await using served = await serveApp(pipeline);
  const stop = new AbortController();
  const response = await openStream(served.origin, 'wait', { signal: stop.signal });
  const threadId = response.headers.get('x-jims-thread-id') ?? '';
  await response.body?.getReader().read();
  stop.abort();
  await stopped;
  assert.deepEqual(await keptMessages(served.app, threadId), [
    { text: 'wait', partial: false },
    { text: 'beginning ', partial: true },
  ]);
});

test('what goes wrong is an error in words, also in a stream that has begun', async () => {
  await using served = await serveApp(async (ctx) => {
    await ctx.sendMessage(
      (async function* () {
        yield 'half';
        throw new Error('kaboom');
      })(),
    );
  });
  const failed = await say(served.origin, 'go');
  assert.equal(failed.status, 500);
  assert.match(Object(failed.body).error, /^Pipeline error \(request /);
  const [half, error] = dataOf(await (await openStream(served.origin, 'go')).text());
  assert.deepEqual(half, { text: 'half' });
  assert.match(Object(error).error, /^Pipeline error \(request /);
});

test('what is refused is an error in words with its status', async () => {
  await using served = await serveApp(echoHistory, { apiKeys: ['key'] });
  const key = { ...JSON_TYPE, authorization: 'Bearer key' };
  assert.deepEqual(await say(served.origin, 'hello'), {
    status: 401,
    body: { error: 'Unauthorized' },
  });
  assert.equal((await openStream(served.origin, 'hello')).status, 401);
  const body = (messages: unknown): string => JSON.stringify({ messages, contact_id: 'c:1' });
  assert.deepEqual(await send(served.origin, body([]), key), {
    status: 422,
    body: { error: 'body.messages: List should have at least 1 item after validation, not 0' },
  });
  const unknown = { thread_id: crypto.randomUUID(), messages: [{ text: 'x' }] };
  assert.equal((await send(served.origin, JSON.stringify(unknown), key)).status, 404);
  const empty = await send(served.origin, new FormData(), { authorization: 'Bearer key' });
  assert.equal(empty.status, 422);
  const form = new FormData();
  form.append('files', new Blob(['x']), 'x.txt');
  form.append('message1', '{"text":');
  assert.deepEqual(await send(served.origin, form, { authorization: 'Bearer key' }), {
    status: 422,
    body: { error: 'JSON decode error: Expecting value at character 8' },
  });
  assert.deepEqual(await send(served.origin, '{"contact_id":"a\\u0000"}', key), {
    status: 422,
    body: { error: 'JSON decode error: NUL character in string starting at character 14' },
  });
  const broken = { ...key, 'content-type': 'multipart/form-data; boundary=x' };
  // Two contacts must not become one, where their names are not text.
  for (const name of [[0], [0xff], [0xed, 0xa0, 0x80]].map((bytes) => Buffer.from(bytes))) {
    const fields = Buffer.concat([
      Buffer.from('--x\r\nContent-Disposition: form-data; name="contact_id"\r\n\r\na'),
      name,
      Buffer.from('\r\n--x\r\nContent-Disposition: form-data; name="message1"\r\n\r\n'),
      Buffer.from('{"text":"Hi"}\r\n--x--\r\n'),
    ]);
    const refused = await send(served.origin, new Blob([fields]), broken);
    assert.equal(refused.status, 422, JSON.stringify(refused));
    assert.match(JSON.stringify(refused.body), /body\.contact_id/);
  }
  assert.equal((await send(served.origin, '--x\r\nnothing', broken)).status, 400);
  assert.equal((await send(served.origin, 'x'.repeat(5 * 1024 * 1024), broken)).status, 413);
});

test('a thread is named by its id for one contact, and unknown for another', async () => {
  await using served = await serveApp(echoHistory);
  const { thread } = await served.app.threads.getOrCreate({ contactId: 'c:1' });
  await served.app.threads.getOrCreate({ contactId: 'c:1' });
  const named = { thread_id: thread.id };
  assert.deepEqual((await say(served.origin, 'here', named)).body, { text: 'user: here' });
  const headers = { 'x-jims-thread-id': thread.id };
  const response = await openStream(served.origin, 'there', { headers });
  assert.equal(response.headers.get('x-jims-thread-id'), thread.id);
  await response.text();
  const theirs = await say(served.origin, 'mine?', { ...named, contact_id: 'x' });
  assert.equal(theirs.status, 404);
});

test('a request sent again with its idempotency key gets the same answer, and is run once', async () => {
  let runs = 0;
  await using served = await serveApp((ctx) => ctx.sendMessage(`run ${++runs}`));
  const headers = { ...JSON_TYPE, 'idempotency-key': 'k1' };
  const body = JSON.stringify({ messages: [{ text: 'hi' }], contact_id: 'c:1' });
  const first = await send(served.origin, body, headers);
  assert.deepEqual(await send(served.origin, body, headers), first);
  const streamed = { headers: { 'idempotency-key': 'k2' } };
  const stream = await (await openStream(served.origin, 'hi', streamed)).text();
  assert.deepEqual(dataOf(stream), [{ text: 'run 2' }]);
  assert.equal(await (await openStream(served.origin, 'hi', streamed)).text(), stream);
  assert.equal(runs, 2);
});

test('a full service refuses in words', async () => {
  const gate = createGate();
  await using served = await serveApp((ctx) => gate.passed(ctx.signal), { limits: { maxRuns: 1 } });
  const running = await openStream(served.origin, 'one');
  const full = await say(served.origin, 'two');
  assert.equal(full.status, 503);
  assert.equal(typeof Object(full.body).error, 'string');
  gate.open();
  await running.text();
});
