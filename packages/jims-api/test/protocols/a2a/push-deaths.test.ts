// Processes that are killed between the end of a task and what its client is sent. That each store hands on what a
// dead process had is in core's store/outbox.test.ts.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { emptiedDatabase } from '../../../../jims-core/test/support/emptied-database.ts';
import { eventually } from '../../../../jims-core/test/support/eventually.ts';
import { withClient } from '../../../../jims-core/test/support/postgres.ts';
import { folderWith, serveCommand } from '../../support/command.ts';
import type { Running } from '../../support/command.ts';
import { webhookReceiver } from '../../support/webhook-receiver.ts';
import type { WebhookReceiver } from '../../support/webhook-receiver.ts';
import { a2aClient, ask } from './a2a-client.ts';

const APP = `
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
export const app = async (ctx) => {
  while (!existsSync('go')) await sleep(10);
  ctx.sendMessage('done');
};
`;
const ALLOWED = ['--webhook-hosts', 'localhost'];

interface Deployment extends AsyncDisposable {
  start(...args: readonly string[]): Promise<Running>;
  letGo(): void;
  /** Ends the leases of dead processes on deliveries. */
  endLeases(): Promise<void>;
}

async function deployment(kind: 'sqlite' | 'postgres'): Promise<Deployment> {
  const folder = folderWith({ 'app.ts': APP });
  const database = kind === 'postgres' ? await emptiedDatabase() : undefined;
  const file = join(folder.path, 'jims.db');
  const db = database?.url ?? `sqlite:///${file}`;
  const running: Running[] = [];
  return {
    async start(...args) {
      const service = await serveCommand(['--app', './app.ts', '--db', db, ...args], {
        cwd: folder.path,
      });
      running.push(service);
      return service;
    },
    letGo: () => writeFileSync(join(folder.path, 'go'), ''),
    async endLeases() {
      if (database) {
        await withClient(db, (client) =>
          client.query('update jims.subscriptions set due_at = now() where due_at is not null'),
        );
        return;
      }
      using sqlite = new DatabaseSync(file, { timeout: 5000 });
      sqlite.exec(
        'UPDATE jims_subscriptions SET due_at = 2147483648 WHERE due_at < 140000000000000',
      );
    },
    async [Symbol.asyncDispose]() {
      for (const service of running) {
        service.kill('SIGKILL');
        await service.ended;
      }
      await database?.[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/** Sends a message whose task does not end yet, and says where that is to be sent. */
async function beginTask(service: Running, { url }: WebhookReceiver): Promise<void> {
  const client = await a2aClient(service.url, { binding: 'JSONRPC' });
  const request = ask('hello', { returnImmediately: true });
  assert.ok(request.configuration);
  const config = { tenant: '', id: '', taskId: '', url, token: '', authentication: undefined };
  await client.sendMessage({
    ...request,
    configuration: { ...request.configuration, taskPushNotificationConfig: config },
  });
}

test('what a process was sending when it was killed is sent by the next one', async () => {
  let victim: Running | undefined;
  await using receiver = await webhookReceiver((answer, _, number) => {
    if (number === 1) victim?.kill('SIGKILL');
    else answer.writeHead(200).end();
  });
  await using app = await deployment('sqlite');
  victim = await app.start(...ALLOWED);
  await beginTask(victim, receiver);
  app.letGo();
  await receiver.first(1);
  await victim.ended;
  await app.endLeases();
  await app.start(...ALLOWED);
  const [first, second] = await receiver.first(2);
  assert.equal(second?.headers['webhook-id'], first?.headers['webhook-id']);
  assert.equal(second?.body, first?.body);
  assert.match(String(second?.body), /TASK_STATE_COMPLETED.*"done"/);
});

test('the end of a task that was stored before its process was killed is sent by the next one', async () => {
  await using receiver = await webhookReceiver();
  await using app = await deployment('postgres');
  const first = await app.start(...ALLOWED);
  await beginTask(first, receiver);
  first.kill('SIGKILL');
  await first.ended;
  // It ends the task of the dead process, and sends nothing.
  const second = await app.start('--lease-timeout', '1');
  const isLost = async (): Promise<boolean> =>
    (await (await fetch(second.metricsUrl)).text()).includes('jims_runs_lost_total 1');
  await eventually(isLost);
  second.kill('SIGKILL');
  await second.ended;
  assert.deepEqual(receiver.arrived, []);
  await app.start(...ALLOWED);
  const [arrived] = await receiver.first(1);
  assert.match(String(arrived?.body), /TASK_STATE_FAILED/);
});
