// One app behind two APIs: an open one and one with keys.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WebhookSignatures } from '../../src/http/webhooks/webhook-signatures.ts';
import { createApi } from '../../src/index.ts';
import { agentPipeline } from '../support/agent-pipeline.ts';
import { testApi } from '../support/api.ts';
import { liveFrames } from '../support/live-frames.ts';
import { talker } from '../support/talker.ts';
import { webhookReceiver } from '../support/webhook-receiver.ts';

const BODY = { contact_id: 'c', message: 'wait', include: ['thread'] };

test('any number of APIs serve one app, and its metrics count the streams of all', async () => {
  await using open = testApi(talker);
  const keyed = createApi(open.app, { apiKeys: ['secret'] });
  for (let n = 0; n < 20; n++) createApi(open.app);
  const post = (headers: Record<string, string>): Promise<Response> =>
    keyed(
      new Request('http://localhost/api/v1/chat/stream', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(BODY),
      }),
    );
  assert.equal((await post({})).status, 401);
  const first = liveFrames(await open.post('/api/v1/chat/stream', BODY));
  const second = liveFrames(await post({ authorization: 'Bearer secret' }));
  const { run_id: runId } = (await first.until('thread')).data;
  await second.until('thread');

  const registry = await open.app.metrics.registry();
  const lineOf = async (name: string): Promise<string | undefined> =>
    (await registry.metrics()).split('\n').find((line) => line.startsWith(`${name} `));
  assert.equal(await lineOf('jims_streams_open'), 'jims_streams_open 2');
  assert.equal(await lineOf('jims_runs_running'), 'jims_runs_running 1');
  assert.equal(await lineOf('jims_runs_queued'), 'jims_runs_queued 1');
  await open.app.runs.cancel(String(runId));
  await first.rest();
  await second.leave();
  assert.equal(await lineOf('jims_streams_open'), 'jims_streams_open 0');
});

test('each API of an app sends what was subscribed to at it, with its own secrets', async () => {
  await using receiver = await webhookReceiver();
  await using service = testApi(agentPipeline().pipeline);
  const secrets = [1, 2].map((n) => [`whsec_${Buffer.alloc(32, n).toString('base64')}`]);
  const webhookHosts = ['localhost'];
  const apis = [
    ...secrets.map((webhookSecrets) => createApi(service.app, { webhookHosts, webhookSecrets })),
    createApi(service.app, { webhookHosts: [`localhost:${receiver.port}`] }),
  ];
  createApi(service.app, { webhookHosts: ['other.example'] });
  for (const [index, api] of apis.entries()) {
    const taskPushNotificationConfig = { url: receiver.url };
    const response = await api(
      new Request('http://localhost/a2a/rest/message:send', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          message: { messageId: '1', role: 'ROLE_USER', parts: [{ text: 'Hello' }] },
          configuration: { taskPushNotificationConfig },
        }),
      }),
    );
    assert.equal(response.status, 200);
    const [{ headers, body } = assert.fail()] = (await receiver.first(index + 1)).slice(index);
    const sentAt = Number(headers['webhook-timestamp']) * 1000;
    const signed = new WebhookSignatures(secrets[index] ?? []);
    const wanted = signed.headersOf(String(headers['webhook-id']), body, sentAt);
    assert.equal(headers['webhook-signature'], wanted['webhook-signature']);
  }
});
