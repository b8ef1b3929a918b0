// Through the real command: who finds what in a SQLite file, and when.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';

import { folderWith, serveCommand } from '../support/command.ts';
import type { Folder, Running } from '../support/command.ts';
import { chat } from '../support/served-app.ts';

const APP = `
export async function app(ctx) {
  if (ctx.lastUserMessage === 'endless') {
    ctx.updateAgentStatus('working');
    await new Promise(() => {});
  }
  ctx.sendMessage('Hello');
}`;

const OTHERS = 'Another process works on this SQLite file';

function serve(folder: Folder): Promise<Running> {
  return serveCommand([], { cwd: folder.path });
}

/** Starts a run that does not end, and gives its id. */
async function beginEndless({ url }: Running): Promise<string> {
  const response = await fetch(`${url}/api/v1/chat/stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ contact_id: 'c', message: 'endless' }),
  });
  await response.body?.getReader().read();
  return response.headers.get('x-jims-run-id') ?? '';
}

async function runOf({ url }: Running, id: string): Promise<Record<string, unknown>> {
  return JSON.parse(await (await fetch(`${url}/api/v1/runs/${id}`)).text());
}

/** As if the clock had been set back by a year since the leases were written. */
function leaveLeasesInTheFuture(folder: Folder): void {
  using db = new DatabaseSync(join(folder.path, 'jims.db'));
  const { changes } = db
    .prepare('UPDATE jims_instances SET lease_until = lease_until + ?')
    .run(365 * 86_400_000);
  assert.ok(Number(changes) > 0, 'the dead process has left its lease');
}

describe('a SQLite file', { concurrency: 2 }, () => {
  test('is taken over at once from a process that is dead, whatever the clock says', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    await using dead = await serve(folder);
    const lost = await beginEndless(dead);
    dead.kill('SIGKILL');
    await dead.ended;
    leaveLeasesInTheFuture(folder);
    await using service = await serve(folder);
    assert.equal((await chat(service.url, 'Hi')).status, 200);
    const { status, error } = await runOf(service, lost);
    assert.equal(status, 'failed');
    assert.match(JSON.stringify(error), /"lost"/);
    assert.ok(!service.log.join().includes(OTHERS));
  });

  test('of a process that lives stays its own, and the second one warns', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    await using first = await serve(folder);
    const run = await beginEndless(first);
    await using second = await serve(folder);
    assert.ok(second.log.join().includes(OTHERS));
    assert.equal((await chat(second.url, 'Hi', { contact_id: 'other' })).status, 200);
    assert.equal((await runOf(second, run))['status'], 'running');
  });

  test('that other programs only read is not taken for one of another process', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    await using before = await serve(folder);
    before.kill('SIGTERM');
    await before.ended;
    using reader = new DatabaseSync(join(folder.path, 'jims.db'), { readOnly: true });
    assert.deepEqual(reader.prepare('SELECT * FROM threads').all(), []);
    await using service = await serve(folder);
    assert.ok(!service.log.join().includes(OTHERS));
    assert.equal((await chat(service.url, 'Hi')).status, 200);
  });
});
