import assert from 'node:assert/strict';
import { test } from 'node:test';

import { emptiedDatabase } from '../../../../jims-core/test/support/emptied-database.ts';
import { agentPipeline } from '../../support/agent-pipeline.ts';
import { serveApp } from '../../support/listening-app.ts';
import type { ServedApp } from '../../support/listening-app.ts';
import { chat, mcpClient } from './mcp-client.ts';
import type { McpClient } from './mcp-client.ts';

/** Calls the tool with `wait`, and takes that back as soon as the pipeline runs. */
async function callAndTakeBack(mcp: McpClient, begun: () => boolean): Promise<void> {
  const stop = new AbortController();
  const call = chat(mcp, 'wait', { options: { signal: stop.signal }, contact_id: 'c' });
  const refused = assert.rejects(call);
  while (!begun()) await new Promise(setImmediate);
  stop.abort('enough');
  await refused;
}

/** Sends one message, as a client would that counts its requests itself. */
function post(
  { origin }: ServedApp,
  message: object,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  return fetch(`${origin}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(message),
  });
}

async function lastMessages({ app }: ServedApp): Promise<readonly unknown[]> {
  const thread = await app.threads.latest('c');
  assert.ok(thread);
  const events = (await app.threads.events(thread.thread.id, { limit: 100, domains: ['comm'] }))
    .events;
  return events.map(({ data }) => data['content']);
}

test('a call that is taken back stops its run, and what was written so far is kept', async () => {
  const agent = agentPipeline();
  await using api = await serveApp(agent.pipeline);
  await using mcp = await mcpClient(api.origin);
  const errors: Error[] = [];
  Object.assign(mcp.client, { onerror: (error: Error) => void errors.push(error) });
  await callAndTakeBack(mcp, () => agent.runs === 1);
  await agent.stopped;
  // The answer to the next call comes after everything that the client could still get of the first.
  await chat(mcp, 'hello', { thread_id: (await api.app.threads.latest('c'))?.thread.id });
  assert.deepEqual(await lastMessages(api), ['wait', 'beginning ', 'hello', 'Echo: hello']);
  assert.deepEqual(errors, []);
});

test('taking back stops no call of another client that counts alike', async () => {
  const agent = agentPipeline();
  await using api = await serveApp(agent.pipeline);
  await using one = await mcpClient(api.origin);
  await using two = await mcpClient(api.origin);
  const held = chat(two, 'held');
  while (agent.runs < 1) await new Promise(setImmediate);
  await callAndTakeBack(one, () => agent.runs === 2);
  await agent.stopped;
  agent.release();
  assert.deepEqual((await held).texts, ['let go']);
});

test('a session cannot take back a call of another caller, whose session id it knows', async () => {
  const agent = agentPipeline();
  await using api = await serveApp(agent.pipeline, { apiKeys: ['anna', 'bert'] });
  await using mcp = await mcpClient(api.origin, { authorization: 'Bearer anna' });
  const held = chat(mcp, 'held');
  while (agent.runs < 1) await new Promise(setImmediate);
  for (const requestId of [0, 1, 2]) {
    const cancelled = await post(
      api,
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } },
      { authorization: 'Bearer bert', 'mcp-session-id': mcp.transport.sessionId ?? '' },
    );
    assert.equal(cancelled.status, 202);
  }
  agent.release();
  assert.deepEqual((await held).texts, ['let go']);
});

test('a call is taken back by way of another process than the one that answers it', async () => {
  await using database = await emptiedDatabase();
  const agent = agentPipeline();
  await using one = await serveApp(agent.pipeline, { store: database.url });
  await using two = await serveApp(agent.pipeline, { store: database.url });
  await using mcp = await mcpClient(one.origin);
  const { sessionId } = mcp.transport;
  assert.ok(sessionId);
  const result = chat(mcp, 'wait');
  while (agent.runs < 1) await new Promise(setImmediate);
  // Nobody but the client knows the ids of its requests: initialize was the first, this is the second.
  const cancelled = await post(
    two,
    { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
    { 'mcp-session-id': sessionId },
  );
  assert.equal(cancelled.status, 202);
  await agent.stopped;
  const { isError, texts } = await result;
  assert.equal(isError, true);
  assert.deepEqual(texts, ['The run was cancelled']);
});

test('an id that a session uses once more is a call of its own', async () => {
  const agent = agentPipeline();
  await using api = await serveApp(agent.pipeline);
  await using mcp = await mcpClient(api.origin);
  const session = { 'mcp-session-id': mcp.transport.sessionId ?? '' };
  const call = {
    jsonrpc: '2.0',
    id: 9,
    method: 'tools/call',
    params: { name: 'chat', arguments: { message: 'hello' } },
  };
  const answers = [
    await (await post(api, call, session)).text(),
    await (await post(api, call, session)).text(),
  ];
  for (const answer of answers) assert.match(answer, /Echo: hello/);
  assert.equal(agent.runs, 2);
});

test('without a session a closed connection stops the run', async () => {
  const agent = agentPipeline();
  await using api = await serveApp(agent.pipeline);
  const leave = new AbortController();
  const response = await fetch(`${api.origin}/mcp`, {
    method: 'POST',
    signal: leave.signal,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'chat', arguments: { message: 'wait' } },
    }),
  });
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  leave.abort();
  await agent.stopped;
});
