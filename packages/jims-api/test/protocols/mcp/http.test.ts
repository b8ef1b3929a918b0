import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js';

import { agentPipeline } from '../../support/agent-pipeline.ts';
import { jsonOf, testApi } from '../../support/api.ts';
import type { TestApi } from '../../support/api.ts';
import { serveApp } from '../../support/listening-app.ts';
import { mcpClient } from './mcp-client.ts';

const HELLO = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'chat', arguments: { message: 'hello' } },
};

function initialize(protocolVersion: string): object {
  const clientInfo = { name: 'test', version: '1' };
  const params = { protocolVersion, clientInfo, capabilities: {} };
  return { jsonrpc: '2.0', id: 0, method: 'initialize', params };
}

async function versionFor(api: TestApi, asked: string): Promise<unknown> {
  const { result } = await jsonOf(await api.post('/mcp', initialize(asked)));
  assert.ok(typeof result === 'object' && result !== null && 'protocolVersion' in result);
  return result.protocolVersion;
}

test('every version that the official client speaks is spoken, and the newest to others', async () => {
  await using api = testApi(agentPipeline().pipeline);
  for (const version of SUPPORTED_PROTOCOL_VERSIONS) {
    assert.equal(await versionFor(api, version), version);
    const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
    const response = await api.post('/mcp', list, { 'mcp-protocol-version': version });
    assert.equal(response.status, 200, version);
  }
  assert.equal(await versionFor(api, '2099-01-01'), SUPPORTED_PROTOCOL_VERSIONS[0]);
  const unknown = await api.post('/mcp', HELLO, { 'mcp-protocol-version': '2099-01-01' });
  assert.equal(unknown.status, 400);
});

test('a tool name that is not a string is refused as an unknown tool', async () => {
  await using api = testApi(agentPipeline().pipeline);
  for (const name of [
    { toString: 1, valueOf: 2 },
    ['chat'],
    null,
    7,
    'x'.repeat(10_000),
    undefined,
  ]) {
    const response = await api.post('/mcp', { ...HELLO, params: { name, arguments: {} } });
    const { error } = await jsonOf(response);
    assert.ok(typeof error === 'object' && error !== null && 'code' in error && 'message' in error);
    assert.equal(error.code, -32_602);
    assert.match(String(error.message), /^There is no tool .{1,100}$/);
  }
});

test('a session is known by every process, and one that nobody began is not', async () => {
  await using one = testApi(agentPipeline().pipeline);
  await using two = testApi(agentPipeline().pipeline);
  const begun = await one.post('/mcp', initialize('2025-11-25'));
  const session = begun.headers.get('mcp-session-id') ?? '';
  assert.match(session, /^[!-~]+$/);
  const there = await two.post('/mcp', HELLO, { 'mcp-session-id': session });
  assert.equal(there.status, 200);
  for (const strange of [session.replace(/.$/, (c) => (c === '0' ? '1' : '0')), 'nope', '']) {
    const response = await two.post('/mcp', HELLO, { 'mcp-session-id': strange });
    assert.equal(response.status, 404, strange);
  }
  const without = await two.post('/mcp', HELLO);
  assert.equal(without.status, 200);
});

test('a client may end its session: the server says that it keeps none', async () => {
  await using api = await serveApp(agentPipeline().pipeline);
  await using mcp = await mcpClient(api.origin);
  await mcp.transport.terminateSession();
  assert.equal(mcp.transport.sessionId, undefined);
  assert.equal(
    (await fetch(`${api.origin}/mcp`, { headers: { accept: 'text/event-stream' } })).status,
    405,
  );
  assert.equal(
    (await fetch(`${api.origin}/mcp`, { method: 'DELETE' })).headers.get('allow'),
    'POST',
  );
});

test('a client that reads no streams gets the result alone', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const response = await api.post('/mcp', HELLO, { accept: 'application/json' });
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.ok(response.headers.get('x-jims-run-id'));
  assert.ok(response.headers.get('x-jims-thread-id'));
  const { id, result } = await jsonOf(response);
  assert.equal(id, 1);
  assert.match(JSON.stringify(result), /Echo: hello/);
});

test('notifications are taken without an answer', async () => {
  await using api = testApi(agentPipeline().pipeline);
  for (const method of [
    'notifications/initialized',
    'notifications/cancelled',
    'notifications/x',
  ]) {
    const response = await api.post('/mcp', { jsonrpc: '2.0', method });
    assert.equal(response.status, 202);
    assert.equal(await response.text(), '');
  }
});

test('what is not a message is refused by HTTP', async () => {
  await using api = testApi(agentPipeline().pipeline, { maxBodyBytes: 1000 });
  const cases = [
    ['{"jsonrpc":', 400, -32_700],
    [[HELLO], 400, -32_600],
    [{ id: 1, method: 'ping' }, 400, -32_600],
    [{ ...HELLO, params: 'x'.repeat(1000) }, 413, -32_602],
  ] as const;
  for (const [body, status, code] of cases) {
    const response = await api.post('/mcp', body);
    const { error } = await jsonOf(response);
    assert.equal(response.status, status);
    assert.ok(typeof error === 'object' && error !== null && 'code' in error);
    assert.equal(error.code, code);
  }
  const unknown = await api.post('/mcp', { ...HELLO, method: 'prompts/list' });
  assert.equal(unknown.status, 200);
  assert.match(await unknown.text(), /-32601/);
});

test('pages may call when their origin is named, or the service’s own', async () => {
  await using api = testApi(agentPipeline().pipeline, {
    corsOrigins: ['https://app.example'],
    publicUrl: 'https://chat.example/',
  });
  const from = async (origin: string): Promise<number> =>
    (await api.post('/mcp', HELLO, { origin })).status;
  assert.equal(await from('https://app.example'), 200);
  assert.equal(await from('https://chat.example'), 200);
  assert.equal(await from('https://evil.example'), 403);
  assert.equal(await from('http://localhost'), 403);
});
