// What each protocol streams of a run that is over, and what the service says about its app.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { scriptedModel } from 'jims-core/testing';
import type { ScriptedModel } from 'jims-core/testing';

import { jsonOf, parseFrames, testApi } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';

const PROTOCOLS = [
  'jims',
  'a2a',
  'mcp',
  'openai-responses',
  'openai-chat',
  'anthropic',
  'ai-sdk',
  'ag-ui',
  'deep-chat',
];

test('every protocol shows a run that is over as it streams it', async () => {
  await using api = streamingApi();
  const sent = await api.post('/api/v1/chat/stream', {
    contact_id: 'c',
    message: 'Hello',
    include: ['thread', 'start', 'delta', 'event', 'reasoning', 'usage'],
  });
  const streamed = await sent.text();
  const runId = sent.headers.get('x-jims-run-id') ?? '';
  for (const protocol of PROTOCOLS) {
    const response = await api.get(`/api/v1/runs/${runId}/wire/${protocol}`);
    assert.equal(response.status, 200, protocol);
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain/);
    const text = await response.text();
    assert.match(text, /"?Hel|lo wor|Hello world/, protocol);
    assert.match(text, /^(?:id|event|data): /, protocol);
  }
  const own = await (await api.get(`/api/v1/runs/${runId}/wire/jims`)).text();
  const shown = parseFrames(own).map(({ event, data }) => [event, data]);
  const live = parseFrames(streamed).map(({ event, data }) => [event, data]);
  assert.deepEqual(shown, live);
});

test('a run that goes on, an unknown protocol, and one that is not spoken here', async () => {
  const goOn = Promise.withResolvers<void>();
  await using api = testApi(() => goOn.promise, { protocols: ['mcp'] });
  const run = await api.app.runs.start({ contactId: 'c', message: 'Hello' });
  const wire = (protocol: string): Promise<Response> =>
    api.get(`/api/v1/runs/${run.id}/wire/${protocol}`);
  const early = await wire('jims');
  assert.equal(early.status, 409);
  assert.equal((await jsonOf(early))['code'], 'run_active');
  goOn.resolve();
  await run.end;
  assert.equal((await wire('jims')).status, 200);
  assert.equal((await wire('mcp')).status, 200);
  assert.equal((await wire('ai-sdk')).status, 404);
  assert.equal((await wire('constructor')).status, 404);
  const unknown = `/api/v1/runs/${crypto.randomUUID()}/wire/jims`;
  assert.equal((await api.get(unknown)).status, 404);
});

test('the app: names, protocols with their addresses, models that were used, limits', async () => {
  await using api = streamingApi();
  await api.post('/api/v1/chat', { contact_id: 'c', message: 'Hello' });
  const app = await jsonOf(await api.get('/api/v1/app'));
  assert.partialDeepStrictEqual(app, {
    name: 'Greeter',
    description: 'Says hello',
    version: '1.2.3',
    durable: true,
    pipelines: ['greet'],
    models: [{ model: 'scripted', requests: 1 }],
    limits: { max_runs: 1024, on_busy: 'queue', max_message_bytes: 262_144 },
    files: { max_files: 20 },
    playground: false,
    dev: null,
  });
  const { protocols } = app;
  assert.ok(Array.isArray(protocols));
  assert.deepEqual(
    protocols.map(({ name }) => name),
    PROTOCOLS,
  );
  for (const { addresses, docs, title } of protocols) {
    assert.ok(addresses.length > 0 && title.length > 0);
    assert.match(docs, /^docs\/.*\.md$/);
  }
});

function streamingApi(): TestApi {
  const model: ScriptedModel = scriptedModel([{ reasoning: 'hm', text: 'Hello world' }]);
  return testApi({
    name: 'Greeter',
    description: 'Says hello',
    version: '1.2.3',
    durable: true,
    llm: { model },
    pipeline: async function greet(ctx) {
      await ctx.sendMessage(ctx.llm.stream(ctx.context()));
    },
  });
}
