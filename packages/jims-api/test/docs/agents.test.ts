import assert from 'node:assert/strict';
import { stripTypeScriptTypes } from 'node:module';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { eventually } from '../../../jims-core/test/support/eventually.ts';
import { withClient } from '../../../jims-core/test/support/postgres.ts';
import { describeStores } from '../../../jims-core/test/support/stores.ts';
import { a2aClient, send } from '../protocols/a2a/a2a-client.ts';
import { agentPipeline } from '../support/agent-pipeline.ts';
import { serveApp } from '../support/listening-app.ts';
import { webhookReceiver } from '../support/webhook-receiver.ts';
import { codeBlocks } from './code-blocks.ts';
import { runProgram } from './run-program.ts';

test('docs/protocols/a2a.md: its client prints the answer', async () => {
  await using api = await serveApp(agentPipeline().pipeline);
  assert.equal(await runProgram('docs/protocols/a2a.md', api.origin), 'Echo: Hello');
  const thread = await api.app.threads.latest('customer:42');
  assert.equal(thread?.thread.externalId, 'jims:a2a:chat-1');
});

test('docs/protocols/a2a.md: what a receiver of push notifications checks is so, and nothing else', async () => {
  const secrets = [1, 2].map((n) => `whsec_${Buffer.alloc(32, n).toString('base64')}`);
  await using receiver = await webhookReceiver();
  const allowed = { webhookHosts: ['localhost'], webhookSecrets: secrets };
  await using api = await serveApp(agentPipeline().pipeline, allowed);
  const [config = '{}'] = codeBlocks('docs/protocols/a2a.md', 'json');
  const taskPushNotificationConfig = { ...JSON.parse(config), url: receiver.url };
  const response = await fetch(`${api.origin}/a2a/rest/message:send`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      message: { messageId: '1', role: 'ROLE_USER', parts: [{ text: 'Hello' }] },
      configuration: { taskPushNotificationConfig },
    }),
  });
  assert.equal(response.status, 200);
  const [{ headers, body } = assert.fail()] = await receiver.first(1);
  assert.equal(headers['x-a2a-notification-token'], 'comes as X-A2A-Notification-Token');
  assert.equal(headers.authorization, 'Bearer comes as Authorization');
  const code = codeBlocks('docs/protocols/a2a.md', 'ts').find((block) =>
    block.includes('isGenuine'),
  );
  const source = stripTypeScriptTypes(code ?? '');
  const { isGenuine } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  for (const secret of secrets) assert.ok(isGenuine(headers, body, secret));
  assert.ok(!isGenuine(headers, `${body} `, secrets[0]));
  assert.ok(!isGenuine(headers, body, `whsec_${Buffer.alloc(32).toString('base64')}`));
  assert.ok(!isGenuine({ ...headers, 'webhook-timestamp': '1' }, body, secrets[0]));
});

describeStores((kind) => {
  test('docs/deploy.md: a push notification that was given up is listed, and sent again', async () => {
    await using receiver = await webhookReceiver((answer, _, number) =>
      answer.writeHead(number === 1 ? 410 : 200).end(),
    );
    await using database = await kind.fresh();
    const options = { webhookHosts: ['localhost'], store: database.url };
    await using api = await serveApp(agentPipeline().pipeline, options);
    const client = await a2aClient(api.origin, { binding: 'JSONRPC' });
    const { id: taskId } = await send(client, 'Hello');
    const config = { tenant: '', id: '', taskId, token: '', authentication: undefined };
    await client.createTaskPushNotificationConfig({ ...config, url: receiver.url });
    const blocks = codeBlocks('docs/deploy.md', 'sql');
    const [list = '', again = ''] =
      blocks.find((block) => block.includes(OUTBOX[kind.name]))?.split('\n\n') ?? [];
    await eventually(async () => (await rowsOf(database.url, list)).length === 1);
    assert.match(JSON.stringify(await rowsOf(database.url, list)), /answered with 410/);
    await rowsOf(database.url, again);
    const [first, second] = await receiver.first(2);
    assert.equal(first?.headers['webhook-id'], second?.headers['webhook-id']);
    assert.deepEqual(await rowsOf(database.url, list), []);
  });
});

const OUTBOX = { sqlite: 'FROM jims_deliveries', postgres: 'FROM jims.deliveries' };

/** What another program reads of a database by SQL, or does with it. */
async function rowsOf(url: string, sql: string): Promise<readonly unknown[]> {
  if (url.startsWith('postgres'))
    return withClient(url, async (client) => (await client.query(sql)).rows);
  using db = new DatabaseSync(url.replace('sqlite:///', ''), { timeout: 5000 });
  if (sql.startsWith('SELECT')) return db.prepare(sql).all();
  db.exec(sql);
  return [];
}

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
