import assert from 'node:assert/strict';
import { test } from 'node:test';

import { agentPipeline } from '../../support/agent-pipeline.ts';
import { jsonOf, testApi } from '../../support/api.ts';
import type { TestApi } from '../../support/api.ts';

const ONE = { 'a2a-version': '1.0' };

async function rpc(
  api: TestApi,
  body: unknown,
  headers: Readonly<Record<string, string>> = ONE,
): Promise<{ readonly status: number; readonly id: unknown; readonly code: unknown }> {
  const response = await api.post('/a2a', body, headers);
  const { id, error } = await jsonOf(response);
  assert.ok(typeof error === 'object' && error !== null && 'code' in error);
  return { status: response.status, id, code: error.code };
}

function request(method: string, params: object = {}): object {
  return { jsonrpc: '2.0', id: 7, method, params };
}

test('what JSON-RPC has a code for comes with it, and with the id when it could be read', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const cases = [
    ['{"jsonrpc":', null, -32_700],
    ['[]', null, -32_600],
    [{ id: 7, method: 'GetTask' }, 7, -32_600],
    [{ jsonrpc: '2.0', method: 'GetTask', params: { id: 'x' } }, null, -32_600],
    // What says more than that the id is missing.
    [{ jsonrpc: '2.0', method: 'GetTask' }, null, -32_602],
    [{ jsonrpc: '2.0', method: 'SendMessage' }, null, -32_602],
    [{ jsonrpc: '2.0', method: 'Nonsense' }, null, -32_601],
    [request('Nonsense'), 7, -32_601],
    [request('GetTask'), 7, -32_602],
    [request('SendMessage', { message: { parts: [] } }), 7, -32_602],
    [{ ...request('GetTask'), params: [1] }, 7, -32_602],
  ] as const;
  for (const [body, id, code] of cases) {
    assert.deepEqual(await rpc(api, body), { status: 200, id, code }, JSON.stringify(body));
  }
});

test('no error is long, whatever its id and what it names', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const parts = [{ text: 'hello' }];
  const sent = { messageId: 'm1', role: 'ROLE_USER', parts };
  const first = await api.post('/a2a', request('SendMessage', { message: sent }), ONE);
  const taskId = first.headers.get('x-jims-run-id');
  for (const character of ['\u0001', '"', 'x', 'é', '漢', '😀']) {
    const contextId = character.repeat(9000);
    const message = { ...sent, messageId: 'm2', taskId, contextId };
    for (const length of [100, 500, 1000, 3000, 100_000]) {
      const body = { ...request('SendMessage', { message }), id: character.repeat(length) };
      const text = await (await api.post('/a2a', body, ONE)).text();
      assert.match(text, /"error"/);
      assert.ok(Buffer.byteLength(text) < 16 * 1024, `${character} ${length}: ${text.length}`);
    }
  }
});

test('what A2A has and this agent has not is refused by its own codes', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const message = { messageId: 'm1', role: 'ROLE_USER', parts: [{ text: 'hello' }] };
  const configuration = { taskPushNotificationConfig: { url: 'https://example.com' } };
  const cases = [
    [request('GetExtendedAgentCard'), -32_004],
    [request('CreateTaskPushNotificationConfig'), -32_003],
    [request('tasks/pushNotificationConfig/set'), -32_003, {}],
    [request('agent/getAuthenticatedExtendedCard'), -32_004, {}],
    [request('SendMessage', { message, configuration }), -32_003],
  ] as const;
  for (const [body, code, headers = ONE] of cases) {
    const refused = { status: 200, id: 7, code };
    assert.deepEqual(await rpc(api, body, headers), refused, JSON.stringify(body));
  }
});

test('a request is of the version that it names, and that its binding has', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const codes = async (method: string, version: string): Promise<unknown> =>
    (await rpc(api, request(method, { id: 'x' }), { 'a2a-version': version })).code;
  for (const version of ['', '1.0', '1.0.1'])
    assert.equal(await codes('GetTask', version), -32_001);
  for (const version of ['', '0.3', '0.3.0'])
    assert.equal(await codes('tasks/get', version), -32_001);
  for (const version of ['2.0', '1.1', '1', 'x'])
    assert.equal(await codes('GetTask', version), -32_009);
  assert.equal(await codes('GetTask', '0.3'), -32_601);
  assert.equal(await codes('tasks/get', '1.0'), -32_601);
  for (const [version, status] of [
    ['1.0', 404],
    ['', 404],
    ['0.3', 400],
    ['2.0', 400],
  ] as const) {
    const headers = { 'a2a-version': version };
    const response = await api.get('/a2a/rest/tasks/x', headers);
    assert.equal(response.status, status, version);
    const query = await api.get(`/a2a/rest/tasks/x?A2A-Version=${version}`);
    assert.equal(query.status, status, version);
  }
});

test('errors of JSON-RPC have their details as google.rpc has them', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const dataOf = async (params: object): Promise<unknown> => {
    const { error } = await jsonOf(await api.post('/a2a', request('GetTask', params), ONE));
    assert.ok(typeof error === 'object' && error !== null && 'data' in error);
    return error.data;
  };
  const info = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', domain: 'a2a-protocol.org' };
  assert.deepEqual(await dataOf({ id: 'x' }), [{ ...info, reason: 'TASK_NOT_FOUND' }]);
  assert.deepEqual(await dataOf({ id: 1 }), [
    { ...info, reason: 'INVALID_PARAMS' },
    {
      '@type': 'type.googleapis.com/google.rpc.BadRequest',
      fieldViolations: [{ field: 'id', description: 'Input should be a valid string' }],
    },
  ]);
});

test('requests are read as ProtoJSON: names of the .proto file, and null for nothing', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const parts = [{ text: 'hello', media_type: null }];
  const message = { message_id: 'm1', context_id: 'c', task_id: null, role: 'ROLE_USER', parts };
  const configuration = { history_length: 0, accepted_output_modes: null };
  const params = { message, configuration, metadata: { contact_id: 'anna' } };
  const { result } = await jsonOf(await api.post('/a2a', request('SendMessage', params), ONE));
  assert.match(JSON.stringify(result), /"contextId":"c".*Echo: hello/);
  assert.doesNotMatch(JSON.stringify(result), /"history"/);
  const { threads } = await api.app.threads.list({ limit: 2 });
  assert.deepEqual(
    threads.map(({ contactId }) => contactId),
    ['anna'],
  );
});

test('a body that is not sent as JSON is content that A2A does not take', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const text = { ...ONE, 'content-type': 'text/plain' };
  const sent = JSON.stringify(request('GetTask', { id: 'x' }));
  assert.equal((await rpc(api, sent, text)).code, -32_005);
  const refused = await api.post('/a2a/rest/message:send', sent, text);
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /CONTENT_TYPE_NOT_SUPPORTED/);
});

test('a body that is too large, and a key that is wrong, are matters of HTTP', async () => {
  await using api = testApi(agentPipeline().pipeline, { maxBodyBytes: 100, apiKeys: ['s3cret'] });
  const key = { authorization: 'Bearer s3cret' };
  const large = request('SendMessage', { message: { parts: [{ text: 'x'.repeat(200) }] } });
  assert.equal((await rpc(api, large, key)).status, 413);
  const stranger = await api.post('/a2a', large);
  assert.equal(stranger.status, 401);
  assert.equal(stranger.headers.get('www-authenticate'), 'Bearer');
  assert.equal((await api.get('/a2a')).status, 405);
});

test('HTTP+JSON says errors as google.rpc.Status', async () => {
  await using api = testApi(agentPipeline().pipeline, { apiKeys: ['s3cret'] });
  const key = { authorization: 'Bearer s3cret' };
  const missing = await api.get('/a2a/rest/tasks/nowhere', key);
  assert.equal(missing.status, 404);
  assert.deepEqual(await jsonOf(missing), {
    error: {
      code: 404,
      status: 'NOT_FOUND',
      message: "Task 'nowhere' not found",
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'TASK_NOT_FOUND',
          domain: 'a2a-protocol.org',
        },
      ],
    },
  });
  const cases = [
    ['GET', '/a2a/rest/tasks/x', {}, 401, 'UNAUTHENTICATED'],
    ['GET', '/a2a/rest/tasks/x/pushNotificationConfigs', key, 400, 'FAILED_PRECONDITION'],
    ['DELETE', '/a2a/rest/tasks/x/pushNotificationConfigs/1', key, 400, 'FAILED_PRECONDITION'],
    ['GET', '/a2a/rest/extendedAgentCard', key, 400, 'FAILED_PRECONDITION'],
    ['GET', '/a2a/rest/nowhere', key, 404, 'NOT_FOUND'],
    ['POST', '/a2a/rest/tasks/x:explode', key, 404, 'NOT_FOUND'],
    ['POST', '/a2a/rest/message:send', key, 400, 'INVALID_ARGUMENT'],
    ['GET', '/a2a/rest/tasks/x', { ...key, 'a2a-version': '2.0' }, 400, 'FAILED_PRECONDITION'],
  ] as const;
  for (const [method, path, headers, status, name] of cases) {
    const response = await api.send(method, path, { headers });
    const { error } = await jsonOf(response);
    assert.equal(response.status, status, path);
    assert.ok(typeof error === 'object' && error !== null && 'status' in error);
    assert.equal(error.status, name, path);
  }
});

test('a message without an id or a role is refused, in every binding', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const parts = [{ text: 'hello' }];
  const wrong = [
    { role: 'ROLE_USER', parts },
    { messageId: '', role: 'ROLE_USER', parts },
    { messageId: 'm1', parts },
    { messageId: 'm1', role: 'ROLE_UNSPECIFIED', parts },
    { messageId: 'm1', role: 'ROLE_AGENT', parts },
  ];
  for (const message of wrong) {
    const refused = { status: 200, id: 7, code: -32_602 };
    assert.deepEqual(await rpc(api, request('SendMessage', { message })), refused);
    const response = await api.post('/a2a/rest/message:send', { message }, ONE);
    assert.equal(response.status, 400);
  }
  const legacy = [{ kind: 'text', text: 'hello' }];
  for (const message of [
    { messageId: 'm1', parts: legacy },
    { role: 'user', parts: legacy },
  ]) {
    assert.equal((await rpc(api, request('message/send', { message }), {})).code, -32_602);
  }
  assert.deepEqual((await api.app.threads.list({ limit: 10 })).threads, []);
});

test('HTTP+JSON answers with the media type of A2A where its client uses that', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const message = { messageId: 'm1', role: 'ROLE_USER', parts: [{ text: 'hello' }] };
  const own = 'application/a2a+json';
  const send = async (headers: Readonly<Record<string, string>>): Promise<Response> =>
    api.post('/a2a/rest/message:send', { message }, { ...ONE, ...headers });
  const sent = await send({});
  const task = `/a2a/rest/tasks/${sent.headers.get('x-jims-run-id')}`;
  const answers = [
    [sent, 'application/json'],
    [await send({ 'content-type': own }), own],
    [await send({ accept: `${own}, application/json` }), own],
    [await api.get(task, ONE), 'application/json'],
    [await api.get(task, { ...ONE, accept: own }), own],
    [await api.get('/a2a/rest/tasks/x', { ...ONE, accept: own }), own],
  ] as const;
  for (const [{ headers }, type] of answers) assert.equal(headers.get('content-type'), type);
});

test('every answer that has a run names it and its thread', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const message = { messageId: 'm1', role: 'ROLE_USER', parts: [{ text: 'hello' }] };
  const params = { message };
  const sent = await api.post('/a2a', request('SendMessage', params), ONE);
  const runId = sent.headers.get('x-jims-run-id') ?? '';
  assert.equal((await api.app.runs.record(runId))?.status, 'completed');
  const got = await api.get(`/a2a/rest/tasks/${runId}`);
  assert.equal(got.headers.get('x-jims-thread-id'), sent.headers.get('x-jims-thread-id'));
  const stream = await api.post('/a2a/rest/message:stream', params);
  assert.ok(stream.headers.get('x-jims-run-id'));
  await stream.text();
});
