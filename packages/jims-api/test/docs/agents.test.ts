import assert from 'node:assert/strict';
import { test } from 'node:test';

import { agentPipeline } from '../support/agent-pipeline.ts';
import { serveApp } from '../support/listening-app.ts';
import { runProgram } from './run-program.ts';

test('docs/protocols/a2a.md: its client prints the answer', async () => {
  await using api = await serveApp(agentPipeline().pipeline);
  assert.equal(await runProgram('docs/protocols/a2a.md', api.origin), 'Echo: Hello');
  const thread = await api.app.threads.latest('customer:42');
  assert.equal(thread?.thread.externalId, 'jims:a2a:chat-1');
});

test('docs/protocols/mcp.md: its client prints two answers of one thread', async () => {
  await using api = await serveApp(agentPipeline().pipeline);
  const printed = await runProgram('docs/protocols/mcp.md', api.origin);
  assert.match(printed, /Echo: Hello[\s\S]*Echo: Go on/);
  assert.equal((await api.app.threads.list({ limit: 10 })).threads.length, 1);
});

test('docs/protocols/mcp.md: its second client reads the files of its contact', async () => {
  await using api = await serveApp(agentPipeline().pipeline);
  const content = ReadableStream.from([Buffer.from('Fish')]);
  await api.app.files.upload({ contactId: 'customer:42', name: 'menu.txt', content });
  const printed = await runProgram('docs/protocols/mcp.md', api.origin, 1);
  assert.match(printed, /menu\.txt[\s\S]*Fish/);
});
