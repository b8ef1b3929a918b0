import assert from 'node:assert/strict';
import { test } from 'node:test';

import { agentPipeline } from '../../support/agent-pipeline.ts';
import { serveApp } from '../../support/listening-app.ts';
import { say, statelessClient } from './stateless-client.ts';
import { VERSION } from './stateless-request.ts';

for (const mode of [{ pin: VERSION }, 'auto', 'legacy'] as const) {
  test(`the client of the second line talks, in its mode ${JSON.stringify(mode)}`, async () => {
    const { pipeline } = agentPipeline();
    await using api = await serveApp({ name: 'Ann', version: '3.1', pipeline });
    await using mcp = await statelessClient(api.origin, { mode });
    const { client } = mcp;
    assert.equal(client.getNegotiatedProtocolVersion(), mode === 'legacy' ? '2025-11-25' : VERSION);
    assert.deepEqual(client.getServerVersion(), { name: 'Ann', version: '3.1' });
    const { tools } = await client.listTools();
    assert.deepEqual(
      tools.map(({ name }) => name),
      ['chat'],
    );
    const first = await say(mcp, 'hello');
    assert.deepEqual(first.texts, ['Echo: hello']);
    const thread = { thread_id: first.threadId };
    const next = await say(mcp, 'history', undefined, thread);
    assert.deepEqual(next.texts, ['hello|Echo: hello|history']);
    const failed = await say(mcp, 'boom');
    assert.equal(failed.isError, true);
  });
}

test('a long call sends progress while it goes on', async () => {
  const agent = agentPipeline();
  await using api = await serveApp(agent.pipeline, { heartbeatMs: 20 });
  await using mcp = await statelessClient(api.origin);
  const messages: unknown[] = [];
  const { texts } = await say(mcp, 'held', {
    onprogress({ message }) {
      messages.push(message);
      if (messages.length === 10) agent.release();
    },
  });
  assert.deepEqual(texts, ['let go']);
  assert.deepEqual([...new Set(messages)], ['holding']);
});

test('a call that is taken back stops its run', async () => {
  const agent = agentPipeline();
  await using api = await serveApp(agent.pipeline);
  await using mcp = await statelessClient(api.origin);
  const stop = new AbortController();
  const call = say(mcp, 'wait', { signal: stop.signal });
  const refused = assert.rejects(call);
  while (agent.runs < 1) await new Promise(setImmediate);
  stop.abort('enough');
  await refused;
  await agent.stopped;
});
