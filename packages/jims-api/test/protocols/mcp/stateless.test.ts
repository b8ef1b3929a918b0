import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js';

import { agentPipeline } from '../../support/agent-pipeline.ts';
import { jsonOf, testApi } from '../../support/api.ts';
import { VERSION, metaOf, postStateless } from './stateless-request.ts';

/** What an answer says of its failure. */
async function errorOf(response: Response): Promise<{
  readonly status: number;
  readonly id: unknown;
  readonly code: unknown;
  data: object;
}> {
  const { id, error } = await jsonOf(response);
  assert.ok(typeof error === 'object' && error !== null && 'code' in error);
  const data = 'data' in error && typeof error.data === 'object' ? error.data : null;
  return { status: response.status, id, code: error.code, data: data ?? {} };
}

const SERVER = { 'io.modelcontextprotocol/serverInfo': { name: 'Ann', version: '3.1' } };

test('discover says what is spoken, and lists say how long they may be kept', async () => {
  const app = { name: 'Ann', version: '3.1', description: 'Knows it', pipeline: () => {} };
  await using api = testApi(app);
  const { id, result } = await jsonOf(await postStateless(api, 'server/discover'));
  assert.equal(id, 7);
  assert.deepEqual(result, {
    resultType: 'complete',
    supportedVersions: [VERSION, ...SUPPORTED_PROTOCOL_VERSIONS],
    capabilities: { tools: {}, resources: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } },
    instructions: 'Knows it',
    ttlMs: 300_000,
    cacheScope: 'public',
    _meta: SERVER,
  });
  await using secured = testApi(app, { apiKeys: ['key'] });
  const headers = { authorization: 'Bearer key' };
  const list = await jsonOf(await postStateless(secured, 'tools/list', {}, { headers }));
  assert.match(
    JSON.stringify(list),
    /"result":\{"resultType":"complete","tools":\[\{"name":"chat".*"ttlMs":300000,"cacheScope":"private"/,
  );
});

test('a call is answered with no session, whatever session it names', async () => {
  const agent = agentPipeline();
  await using api = testApi(agent.pipeline);
  const params = { name: 'chat', arguments: { message: 'hello' } };
  const headers = { accept: 'application/json', 'mcp-session-id': 'nope' };
  const response = await postStateless(api, 'tools/call', params, { headers });
  assert.equal(response.headers.get('mcp-session-id'), null);
  const text = await response.text();
  assert.match(
    text,
    /"resultType":"complete","content":\[\{"type":"text","text":"Echo: hello"\}\]/,
  );
  assert.match(text, /"io.modelcontextprotocol\/serverInfo"/);
  const failed = await postStateless(api, 'tools/call', { name: 'chat', arguments: {} });
  assert.match(await failed.text(), /"resultType":"complete","content":.*"isError":true/);
});

test('headers that do not say what the body says are refused', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const params = { name: 'chat', arguments: { message: 'hello' } };
  for (const headers of [
    { 'mcp-method': 'tools/list' },
    { 'mcp-method': 'Tools/Call' },
    { 'mcp-method': '' },
    { 'mcp-name': 'chats' },
    { 'mcp-name': '' },
    { 'mcp-name': '=?base64?Y2hhdHM=?=' },
    { 'mcp-protocol-version': '2025-11-25' },
    { 'mcp-protocol-version': 'v999' },
  ]) {
    const refused = await errorOf(await postStateless(api, 'tools/call', params, { headers }));
    assert.deepEqual(
      refused,
      { status: 400, id: 7, code: -32_020, data: { code: 'mcp_header_mismatch' } },
      JSON.stringify(headers),
    );
  }
  const encoded = { 'mcp-name': '=?base64?Y2hhdA==?=' };
  const known = await postStateless(api, 'tools/call', params, { headers: encoded });
  assert.match(await known.text(), /Echo: hello/);
  const bare = { jsonrpc: '2.0', id: 7, method: 'tools/list', params: { _meta: metaOf({}) } };
  assert.equal((await errorOf(await api.post('/mcp', bare))).code, -32_020);
});

test('a version that is not known is refused with those that are', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const meta = { ...metaOf({}), 'io.modelcontextprotocol/protocolVersion': 'v999' };
  const headers = { 'mcp-protocol-version': 'v999' };
  const refused = await errorOf(
    await postStateless(api, 'server/discover', { _meta: meta }, { headers }),
  );
  assert.equal(refused.code, -32_022);
  assert.equal(refused.status, 400);
  assert.ok('supported' in refused.data && 'requested' in refused.data);
  assert.equal(refused.data.requested, 'v999');
  assert.ok(Array.isArray(refused.data.supported) && refused.data.supported.includes(VERSION));
});

test('what a request must say of its client is missed', async () => {
  await using api = testApi(agentPipeline().pipeline);
  for (const name of ['protocolVersion', 'clientCapabilities']) {
    const meta = { ...metaOf({}), [`io.modelcontextprotocol/${name}`]: undefined };
    const refused = await errorOf(await postStateless(api, 'tools/list', { _meta: meta }));
    assert.deepEqual([refused.status, refused.code, refused.id], [400, -32_602, 7], name);
  }
});

test('methods that are gone are not found, and notifications are taken', async () => {
  await using api = testApi(agentPipeline().pipeline);
  for (const method of ['initialize', 'ping', 'logging/setLevel', 'tasks/list', 'toString']) {
    const refused = await errorOf(await postStateless(api, method));
    assert.deepEqual([refused.status, refused.code, refused.id], [404, -32_601, 7], method);
  }
  const notification = { jsonrpc: '2.0', method: 'notifications/cancelled', params: {} };
  const headers = { 'mcp-protocol-version': VERSION };
  assert.equal((await api.post('/mcp', notification, headers)).status, 202);
});

test('an error has the id of its request, or none', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const session = { 'mcp-session-id': 'nope' };
  const ping = { jsonrpc: '2.0', id: 'a', method: 'ping' };
  assert.equal((await jsonOf(await api.post('/mcp', ping, session)))['id'], 'a');
  for (const body of ['{', [ping], { ...ping, id: null }, { ...ping, id: {} }]) {
    const answer = await jsonOf(await api.post('/mcp', body));
    assert.deepEqual(Object.keys(answer), ['jsonrpc', 'error']);
  }
});

test('a page of the service’s own origin may call', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const headers = { origin: 'http://localhost' };
  assert.equal((await postStateless(api, 'server/discover', {}, { headers })).status, 200);
  const strange = { origin: 'http://localhost.evil.example' };
  assert.equal((await postStateless(api, 'server/discover', {}, { headers: strange })).status, 403);
});
