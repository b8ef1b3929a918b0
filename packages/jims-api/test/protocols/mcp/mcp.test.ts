import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { EmptyResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { newEvent } from 'jims-core';
import type { ThreadContext } from 'jims-core';

import { callFrames } from '../../../src/protocols/mcp/encode.ts';
import { agentPipeline } from '../../support/agent-pipeline.ts';
import { testApi } from '../../support/api.ts';
import { serveApp } from '../../support/listening-app.ts';
import { chat, mcpClient } from './mcp-client.ts';

test('the app is one tool, described by what the app says of itself', async () => {
  const about = { name: 'Pizza', description: 'Takes orders for pizza', version: '3.2.1' };
  await using api = await serveApp({ pipeline: agentPipeline().pipeline, ...about });
  await using mcp = await mcpClient(api.origin);
  const { name, version } = mcp.client.getServerVersion() ?? {};
  assert.deepEqual([name, version], ['Pizza', '3.2.1']);
  assert.equal(mcp.client.getInstructions(), about.description);
  const { tools } = await mcp.client.listTools();
  assert.deepEqual(
    tools.map((tool) => tool.name),
    ['chat'],
  );
  assert.match(tools[0]?.description ?? '', /^Takes orders for pizza\. .*thread_id/);
  assert.deepEqual(tools[0]?.inputSchema.required, ['message']);
  await mcp.client.ping();
});

test('a result has every message, and a structured form that fits the tool’s schema', async () => {
  await using api = await serveApp(agentPipeline().pipeline);
  await using mcp = await mcpClient(api.origin);
  // A client that has seen the tool's schema refuses what does not fit it.
  await mcp.client.listTools();
  for (const message of ['buttons', 'secrets', 'silent', 'boom']) await chat(mcp, message);
  const { texts, structured, isError } = await chat(mcp, 'multi');
  assert.equal(isError, false);
  assert.deepEqual(texts, ['one', 'two']);
  assert.deepEqual(structured?.['assistant_messages'], ['one', 'two']);
  assert.equal(structured?.['created_new_thread'], true);
});

test('a thread goes on by its id, and only by that', async () => {
  await using api = await serveApp(agentPipeline().pipeline);
  await using mcp = await mcpClient(api.origin);
  const first = await chat(mcp, 'hello');
  const second = await chat(mcp, 'history', { thread_id: first.threadId });
  assert.deepEqual(second.texts, ['hello|Echo: hello|history']);
  assert.equal(second.threadId, first.threadId);
  assert.equal(second.structured?.['created_new_thread'], false);
  const alone = await chat(mcp, 'history', { thread_id: '', contact_id: '' });
  assert.deepEqual(alone.texts, ['history']);
  // Another session of the same caller, as after a restart of the host.
  await using later = await mcpClient(api.origin);
  const third = await chat(later, 'history', { thread_id: first.threadId });
  assert.match(third.texts[0] ?? '', /^hello\|.*\|history$/);
});

test('buttons and the app’s own events are in the structured content, what is internal is not', async () => {
  await using api = await serveApp(agentPipeline().pipeline);
  await using mcp = await mcpClient(api.origin);
  const buttons = await chat(mcp, 'buttons');
  assert.deepEqual(buttons.texts, ['pick']);
  assert.match(JSON.stringify(buttons.structured?.['events']), /"id":"a"/);
  const { structured } = await chat(mcp, 'secrets');
  assert.deepEqual(structured?.['events'], [
    { event_type: 'rag.query', event_data: { q: 'x' } },
    { event_type: 'comm.assistant_message', event_data: { role: 'assistant', content: 'done' } },
  ]);
});

test('statuses are progress for clients that ask for it', async () => {
  await using api = await serveApp(agentPipeline().pipeline);
  await using mcp = await mcpClient(api.origin);
  const reported: unknown[] = [];
  const options = { onprogress: (progress: unknown) => void reported.push(progress) };
  const { texts } = await chat(mcp, 'status', { options });
  assert.deepEqual(texts, ['found']);
  assert.deepEqual(reported, [
    { progress: 1, message: 'Searching…' },
    { progress: 2, message: 'plain' },
  ]);
  assert.deepEqual((await chat(mcp, 'status')).texts, ['found']);
});

test('a long call keeps sending progress, so that a patient client waits for it', async () => {
  const agent = agentPipeline();
  await using api = await serveApp(agent.pipeline, { heartbeatMs: 20 });
  await using mcp = await mcpClient(api.origin);
  const messages: unknown[] = [];
  const answer = chat(mcp, 'held', {
    options: {
      timeout: 500,
      resetTimeoutOnProgress: true,
      onprogress({ message }) {
        messages.push(message);
        // More than the timeout: 40 ticks of 20 ms.
        if (messages.length === 40) agent.release();
      },
    },
  });
  assert.deepEqual((await answer).texts, ['let go']);
  assert.deepEqual([...new Set(messages)], ['holding']);
});

test('text that is streamed is progress, also where nothing else would be', async () => {
  const longCall = (ctx: ThreadContext): unknown => ctx.sendMessage(slowWords(ctx.signal));
  await using api = await serveApp(longCall, { heartbeatMs: 60_000 });
  await using mcp = await mcpClient(api.origin);
  let progress = 0;
  const options = {
    timeout: 1000,
    resetTimeoutOnProgress: true,
    onprogress: () => void progress++,
  };
  assert.deepEqual((await chat(mcp, 'hello', { options })).texts, ['word '.repeat(WORDS)]);
  assert.ok(progress >= 2 && progress < WORDS, `${progress} times`);
});

test('a call whose app says nothing sends progress every three seconds', async (t) => {
  const agent = agentPipeline();
  await using api = testApi(agent.pipeline);
  const run = await api.app.runs.start({
    thread: { kind: 'new', contactId: 'c', threadConfig: {}, events: [] },
    incoming: newEvent('comm.user_message', { role: 'user', content: 'held' }),
  });
  const now = performance.now.bind(performance);
  let passedMs = 0;
  t.mock.method(performance, 'now', () => now() + passedMs);
  const frames = callFrames(run, {
    id: 1,
    progressToken: 'p',
    heartbeatMs: 60_000,
    takenBack: undefined,
    requestId: 'r',
    exposeErrors: false,
    sees: () => true,
    addressOf: (fileId) => fileId,
    embed: async () => new Map(),
    knowsLinks: true,
  });
  await frames.next();
  passedMs = 2950;
  const silent = sleep(2000, undefined, { ref: false });
  const { value } = (await Promise.race([frames.next(), silent])) ?? {};
  assert.ok(typeof value?.data === 'string', 'nothing was sent');
  const params = { progressToken: 'p', progress: 2, message: 'holding' };
  assert.deepEqual(JSON.parse(value.data), {
    jsonrpc: '2.0',
    method: 'notifications/progress',
    params,
  });
  agent.release();
  await run.end;
});

test('what goes wrong is a result for the model to read', async () => {
  await using api = await serveApp(agentPipeline().pipeline);
  await using mcp = await mcpClient(api.origin, { 'x-request-id': 'r-1' });
  const failures = [
    [await chat(mcp, 'boom'), 'Pipeline error (request r-1)'],
    [await chat(mcp, 'hi', { thread_id: randomUUID() }), /^Thread '.+' not found$/],
    [await chat(mcp, 'hi', { thread_id: 'chat 1' }), /thread_id: .*UUID/],
    [await chat(mcp, 'hi', { message: 7 }), 'body.message: Input should be a valid string'],
  ] as const;
  for (const [{ isError, texts }, expected] of failures) {
    assert.equal(isError, true);
    if (typeof expected === 'string') assert.deepEqual(texts, [expected]);
    else assert.match(texts[0] ?? '', expected);
  }
});

test('what no tool of this name could mean is an error of the protocol', async () => {
  await using api = await serveApp(agentPipeline().pipeline);
  await using mcp = await mcpClient(api.origin);
  await assert.rejects(mcp.client.callTool({ name: 'nope', arguments: {} }), { code: -32_602 });
  const unknown = mcp.client.request({ method: 'nope/nope' }, EmptyResultSchema);
  await assert.rejects(unknown, { code: -32_601 });
});

test('a thread of another contact is not found', async () => {
  await using api = await serveApp(agentPipeline().pipeline, {
    authenticate: async ({ headers }) => {
      const contactId = headers.get('authorization') ?? '';
      return { kind: 'contact', id: contactId, contactId };
    },
  });
  await using anna = await mcpClient(api.origin, { authorization: 'anna' });
  await using bert = await mcpClient(api.origin, { authorization: 'bert' });
  const { threadId, texts } = await chat(anna, 'whoami');
  assert.deepEqual(texts, ['anna']);
  // A contact is shown what is said, and nothing else of the app.
  const { structured } = await chat(anna, 'secrets');
  assert.doesNotMatch(JSON.stringify(structured), /rag/);
  const stranger = await chat(bert, 'hi', { thread_id: threadId });
  assert.equal(stranger.isError, true);
  assert.match(stranger.texts[0] ?? '', /not found/);
  assert.equal((await chat(bert, 'hi', { contact_id: 'anna' })).isError, true);
});

test('a service names contacts, and a thread that it names with another contact is not found', async () => {
  await using api = await serveApp(agentPipeline().pipeline);
  await using mcp = await mcpClient(api.origin);
  const { threadId, texts } = await chat(mcp, 'whoami', { contact_id: 'customer:1' });
  assert.deepEqual(texts, ['customer:1']);
  const own = { thread_id: threadId, contact_id: 'customer:1' };
  assert.equal((await chat(mcp, 'hi', own)).isError, false);
  assert.equal((await chat(mcp, 'hi', { ...own, contact_id: 'customer:2' })).isError, true);
  const unnamed = await chat(mcp, 'whoami');
  assert.equal(unnamed.texts[0], `nobody:mcp:${mcp.transport.sessionId}`);
});

test('a wrong key cannot connect', async () => {
  const agent = agentPipeline();
  await using api = await serveApp(agent.pipeline, { apiKeys: ['s3cret'] });
  await assert.rejects(mcpClient(api.origin), { code: 401 });
  await assert.rejects(mcpClient(api.origin, { authorization: 'Bearer wrong' }), { code: 401 });
  await using mcp = await mcpClient(api.origin, { authorization: 'Bearer s3cret' });
  assert.deepEqual((await chat(mcp, 'hello')).texts, ['Echo: hello']);
});

test('the same call sent again with its key is answered with the same run', async () => {
  const agent = agentPipeline();
  await using api = await serveApp(agent.pipeline);
  const headers = { 'idempotency-key': 'key-1' };
  await using one = await mcpClient(api.origin, headers);
  await using two = await mcpClient(api.origin, headers);
  const first = await chat(one, 'hello', { contact_id: 'c' });
  const again = await chat(two, 'hello', { contact_id: 'c' });
  assert.equal(again.threadId, first.threadId);
  assert.equal(agent.runs, 1);
  assert.equal((await chat(two, 'another', { contact_id: 'c' })).isError, true);
});

test('more than the service takes at once is said to the model, and not run', async () => {
  const agent = agentPipeline();
  await using api = await serveApp(agent.pipeline, { limits: { maxRuns: 1 } });
  await using mcp = await mcpClient(api.origin);
  const held = chat(mcp, 'held');
  while (agent.runs === 0) await new Promise(setImmediate);
  const refused = await chat(mcp, 'hello');
  assert.equal(refused.isError, true);
  assert.match(refused.texts[0] ?? '', /try again later/);
  agent.release();
  assert.deepEqual((await held).texts, ['let go']);
  assert.equal(agent.runs, 1);
});

const WORDS = 15;

/** More than twice as long as its reader waits. */
async function* slowWords(signal: AbortSignal): AsyncGenerator<string> {
  for (let word = 0; word < WORDS; word += 1) {
    yield 'word ';
    await sleep(150, undefined, { signal });
  }
}
