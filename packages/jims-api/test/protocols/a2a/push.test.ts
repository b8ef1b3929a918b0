// Push notifications, by the official client and a server that gets them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { StreamResponse } from '@a2a-js/sdk';
import type { Task, TaskPushNotificationConfig } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import * as v from 'valibot';

import { eventually } from '../../../../jims-core/test/support/eventually.ts';
import { agentPipeline } from '../../support/agent-pipeline.ts';
import { askingPipeline } from '../../support/asking-pipeline.ts';
import { serveApp } from '../../support/listening-app.ts';
import { recorder } from '../../support/recorder.ts';
import { webhookReceiver } from '../../support/webhook-receiver.ts';
import type { Arrived } from '../../support/webhook-receiver.ts';
import { BINDINGS, a2aClient, ask, collect, send, stateOf, textsOf } from './a2a-client.ts';
import type { AskTerms, Binding } from './a2a-client.ts';

const HOSTS = { webhookHosts: ['localhost'] };

function configOf(
  url: string,
  parts: Partial<TaskPushNotificationConfig> = {},
): TaskPushNotificationConfig {
  return {
    tenant: '',
    id: 'mine',
    taskId: '',
    url,
    token: '',
    authentication: undefined,
    ...parts,
  };
}

function askWith(
  text: string,
  config: TaskPushNotificationConfig,
  terms: AskTerms = {},
): ReturnType<typeof ask> {
  const request = ask(text, terms);
  assert.ok(request.configuration);
  return {
    ...request,
    configuration: { ...request.configuration, taskPushNotificationConfig: config },
  };
}

async function sendWith(
  client: Client,
  text: string,
  config: TaskPushNotificationConfig,
  terms?: AskTerms,
): Promise<Task> {
  const result = await client.sendMessage(askWith(text, config, terms));
  assert.ok(!('messageId' in result));
  return result;
}

const LegacyTask = v.object({
  kind: v.literal('task'),
  id: v.string(),
  status: v.looseObject({ state: v.string() }),
  artifacts: v.array(v.object({ parts: v.array(v.looseObject({ text: v.string() })) })),
});

/** What a notification says of its task, in few words. */
function saidIn({ body, headers }: Arrived, binding: Binding): readonly string[] {
  if (binding === 'JSONRPC of 0.3') {
    assert.equal(headers['content-type'], 'application/json');
    const { id, status, artifacts } = v.parse(v.pipe(v.string(), v.parseJson(), LegacyTask), body);
    const state = `TASK_STATE_${status.state.toUpperCase().replaceAll('-', '_')}`;
    return [id, state, ...artifacts.flatMap(({ parts }) => parts.map(({ text }) => text))];
  }
  assert.equal(headers['content-type'], 'application/a2a+json');
  const { payload } = StreamResponse.fromJSON(JSON.parse(body));
  assert.ok(payload?.$case === 'task');
  return [payload.value.id, stateOf(payload.value), ...textsOf(payload.value)];
}

for (const binding of BINDINGS) {
  describe(`push notifications by ${binding}`, () => {
    test('a task whose message came with a config is sent when it ends, with what the config says', async () => {
      await using receiver = await webhookReceiver();
      await using api = await serveApp(agentPipeline().pipeline, HOSTS);
      const client = await a2aClient(api.origin, { binding });
      const { metrics } = api.app;
      const shown = async (): Promise<string> => (await metrics.registry()).metrics();
      assert.match(await shown(), /^jims_deliveries_total\{kind="a2a",outcome="dead"\} 0$/m);
      assert.equal((await client.getAgentCard()).capabilities?.pushNotifications, true);
      const authentication = { scheme: 'Bearer', credentials: 's3cret' };
      const config = configOf(receiver.url, { token: 'my-token', authentication });
      const task = await sendWith(client, 'hello', config);
      const [first = assert.fail()] = await receiver.first(1);
      assert.deepEqual(saidIn(first, binding), [task.id, 'TASK_STATE_COMPLETED', 'Echo: hello']);
      assert.equal(first.headers['x-a2a-notification-token'], 'my-token');
      assert.equal(first.headers.authorization, 'Bearer s3cret');
      assert.match(String(first.headers['webhook-id']), /^[\da-f-]{36}$/);
      const counted = 'jims_deliveries_total{kind="a2a",outcome="sent"} 1';
      await eventually(async () => (await shown()).includes(counted));
    });

    test('a stream brings its config along, and a failed and a cancelled task are sent, too', async () => {
      await using receiver = await webhookReceiver();
      await using api = await serveApp(agentPipeline().pipeline, HOSTS);
      const client = await a2aClient(api.origin, { binding });
      const events = await collect(
        client.sendMessageStream(askWith('boom', configOf(receiver.url))),
      );
      assert.ok(events.length > 1);
      const [failed = assert.fail()] = await receiver.first(1);
      assert.equal(saidIn(failed, binding)[1], 'TASK_STATE_FAILED');
      const waiting = await sendWith(client, 'wait', configOf(receiver.url), {
        returnImmediately: true,
      });
      await client.cancelTask({ tenant: '', id: waiting.id, metadata: undefined });
      const [, cancelled = assert.fail()] = await receiver.first(2);
      assert.deepEqual(saidIn(cancelled, binding).slice(0, 2), [waiting.id, 'TASK_STATE_CANCELED']);
    });

    test('a task that asks is sent as waiting, and then as it ends', async () => {
      await using receiver = await webhookReceiver();
      await using api = await serveApp({ pipeline: askingPipeline, durable: true }, HOSTS);
      const client = await a2aClient(api.origin, { binding });
      const task = await sendWith(client, 'refund', configOf(receiver.url));
      assert.equal(stateOf(task), 'TASK_STATE_INPUT_REQUIRED');
      await send(client, 'Sure', { taskId: task.id });
      const [asked = assert.fail(), ended = assert.fail()] = await receiver.first(2);
      const { id } = task;
      assert.deepEqual(saidIn(asked, binding), [id, 'TASK_STATE_INPUT_REQUIRED']);
      assert.match(asked.body, /Refund it\?/);
      const all = [id, 'TASK_STATE_COMPLETED', 'comm.user_message none: Sure'];
      assert.deepEqual(saidIn(ended, binding), all);
      const other = await sendWith(client, 'refund', configOf(receiver.url));
      await client.cancelTask({ tenant: '', id: other.id, metadata: undefined });
      const [, , , cancelled = assert.fail()] = await receiver.first(4);
      assert.deepEqual(saidIn(cancelled, binding).slice(0, 2), [other.id, 'TASK_STATE_CANCELED']);
    });

    test('configs are made, read, listed, replaced and deleted', async () => {
      await using receiver = await webhookReceiver();
      const agent = agentPipeline();
      await using api = await serveApp(agent.pipeline, HOSTS);
      const client = await a2aClient(api.origin, { binding });
      const { id: taskId } = await send(client, 'held', { returnImmediately: true });
      const one = configOf(receiver.url, { taskId, token: 't' });
      const made = await client.createTaskPushNotificationConfig(one);
      assert.deepEqual(
        [made.id, made.taskId, made.url, made.token],
        ['mine', taskId, receiver.url, 't'],
      );
      const authentication = { scheme: 'Basic', credentials: 'dTpw' };
      const other = configOf(`${receiver.url}/2`, { id: 'other', taskId, authentication });
      await client.createTaskPushNotificationConfig(other);
      await client.createTaskPushNotificationConfig({ ...one, url: `${receiver.url}/1` });
      const query = { tenant: '', taskId, id: 'mine' };
      assert.equal((await client.getTaskPushNotificationConfig(query)).url, `${receiver.url}/1`);
      const page = { tenant: '', taskId, pageSize: 0, pageToken: '' };
      const listed = await client.listTaskPushNotificationConfig(page);
      assert.deepEqual(
        listed.configs.map(({ id, authentication: auth }) => [id, auth?.scheme, auth?.credentials]),
        [
          ['mine', undefined, undefined],
          ['other', 'Basic', 'dTpw'],
        ],
      );
      for (let n = 0; n < 2; n++) await client.deleteTaskPushNotificationConfig(query);
      await assert.rejects(client.getTaskPushNotificationConfig(query), {
        name: 'TaskNotFoundError',
      });
      agent.release();
      const [arrived] = await receiver.first(1);
      assert.equal(arrived?.path, '/hook/2');
      assert.equal(receiver.arrived.length, 1);
      const unknown = { ...one, taskId: 'no-task' };
      await assert.rejects(client.createTaskPushNotificationConfig(unknown), {
        name: 'TaskNotFoundError',
      });
    });

    test('who may not reach the task, or did not make the config, sees and changes nothing of it', async () => {
      await using receiver = await webhookReceiver();
      await using api = await serveApp(agentPipeline().pipeline, {
        ...HOSTS,
        authenticate: async ({ headers }) => {
          const name = headers.get('authorization')?.replace('Bearer ', '') ?? '';
          if (name === 'service') return { kind: 'service', id: 'service' };
          return { kind: 'contact', id: name, contactId: name.replace(/-.*/, '') };
        },
      });
      const [anna, phone, bert, service] = await Promise.all(
        ['anna', 'anna-phone', 'bert', 'service'].map((key) =>
          a2aClient(api.origin, { binding, key }),
        ),
      );
      assert.ok(anna && phone && bert && service);
      const { id: taskId } = await sendWith(
        anna,
        'hello',
        configOf(receiver.url, { token: 'of-anna' }),
      );
      const query = { tenant: '', taskId, id: 'mine' };
      const page = { tenant: '', taskId, pageSize: 0, pageToken: '' };
      const hidden = { name: 'TaskNotFoundError' };
      await assert.rejects(bert.getTaskPushNotificationConfig(query), hidden);
      await assert.rejects(bert.listTaskPushNotificationConfig(page), hidden);
      await assert.rejects(bert.deleteTaskPushNotificationConfig(query), hidden);
      await assert.rejects(
        bert.createTaskPushNotificationConfig(configOf(receiver.url, { taskId })),
        hidden,
      );
      // A service reaches the task, and not the secrets that its contact gave.
      await assert.rejects(service.getTaskPushNotificationConfig(query), hidden);
      await service.createTaskPushNotificationConfig(
        configOf(receiver.url, { taskId, token: 'own' }),
      );
      await service.deleteTaskPushNotificationConfig(query);
      for (const own of [anna, phone]) {
        assert.equal((await own.getTaskPushNotificationConfig(query)).token, 'of-anna');
      }
    });

    test('an address that is not allowed, and a config too many, are refused before anything happens', async () => {
      const agent = agentPipeline();
      await using api = await serveApp(agent.pipeline, { webhookHosts: ['*', 'localhost:1'] });
      const client = await a2aClient(api.origin, { binding });
      for (const url of [
        'https://10.0.0.1/',
        'http://localhost:2/',
        'https://a:b@x.example/',
        'x',
      ]) {
        await assert.rejects(sendWith(client, 'hello', configOf(url)), /(?:url must|host ')/, url);
      }
      for (const parts of [
        { token: 'a\nb' },
        { authentication: { scheme: 'a b', credentials: '' } },
      ]) {
        await assert.rejects(sendWith(client, 'hello', configOf('https://x.example/', parts)));
      }
      assert.equal(agent.runs, 0);
      const task = await send(client, 'held', { returnImmediately: true });
      const make = (id: string): Promise<unknown> =>
        client.createTaskPushNotificationConfig(
          configOf('http://localhost:1/', { taskId: task.id, id }),
        );
      for (let n = 1; n <= 10; n++) await make(`n${n}`);
      await assert.rejects(make('n11'), /has 10 push notification configs/);
      await make('n10');
      agent.release();
    });
  });
}

test('a receiver that fails is tried again, and its secrets are in no log', async () => {
  await using receiver = await webhookReceiver((answer, _, number) =>
    answer.writeHead(number === 1 ? 500 : 200).end(),
  );
  const { logger, lines } = recorder();
  await using api = await serveApp(agentPipeline().pipeline, { ...HOSTS, logger });
  const client = await a2aClient(api.origin, { binding: 'JSONRPC' });
  const authentication = { scheme: 'Bearer', credentials: 'credential-secret' };
  const config = configOf(`${receiver.url}?key=url-secret`, {
    token: 'token-secret',
    authentication,
  });
  const { id: taskId } = await sendWith(client, 'hello', config);
  await receiver.first(1);
  await eventually(() => lines.some(({ message }) => message.includes('sent again')));
  // With a config that was corrected nobody has to wait.
  await client.createTaskPushNotificationConfig({ ...config, taskId });
  const [first, second] = await receiver.first(2);
  assert.equal(first?.headers['webhook-id'], second?.headers['webhook-id']);
  assert.equal(first?.body, second?.body);
  assert.ok(!/(?:credential|url|token)-secret/.test(JSON.stringify(lines)));
});
