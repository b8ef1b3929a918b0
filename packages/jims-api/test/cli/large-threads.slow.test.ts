// Through the real command: a file that holds far more than the process may have in memory.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { folderWith, serveCommand } from '../support/command.ts';
import { chat } from '../support/served-app.ts';

const APP = `
export async function app(ctx) {
  ctx.sendMessage(ctx.isCut ? 'I only know the last part' : 'Hello');
}`;
/** As older versions took them: 80 MB, beside a heap of 96. */
const MESSAGES = 20;
const MESSAGE_CHARS = 4_000_000;
const HEAP = '--max-old-space-size=96';

test('a thread that does not fit into the memory is talked in, read, exported and erased', async () => {
  using folder = folderWith({ 'app.mjs': APP });
  const env = { NODE_OPTIONS: HEAP };
  await using service = await serveCommand([], { cwd: folder.path, env });
  const { url } = service;
  assert.equal((await chat(url, 'Hi')).status, 200);
  const [thread] = (await jsonOf(`${url}/api/v1/threads`))['threads'] as { thread_id: string }[];
  const threadId = thread?.thread_id ?? '';
  writeMessages(join(folder.path, 'jims.db'), threadId.replaceAll('-', ''));

  const answers = await Promise.all([1, 2, 3].map(() => chat(url, 'Hi')));
  for (const { body } of answers) {
    assert.deepEqual(body['assistant_messages'], ['I only know the last part']);
  }
  const events = `${url}/api/v1/threads/${threadId}/events`;
  const pages = [1, 2, 3].map(() => jsonOf(`${events}?limit=200&domain=comm`));
  for (const page of await Promise.all(pages)) {
    assert.ok(Array.isArray(page['events']) && page['events'].length > 0);
    assert.notEqual(page['next_cursor'], null);
  }
  const all = MESSAGES * MESSAGE_CHARS;
  assert.ok((await sizeOf(`${url}/api/v1/contacts/c/export`)) > all);
  assert.ok((await sizeOf(events, { accept: 'text/event-stream' }, all)) >= all);
  const erased = await fetch(`${url}/api/v1/contacts/c`, { method: 'DELETE' });
  assert.deepEqual(await erased.json(), { contact_id: 'c', deleted_threads: 1 });
  assert.equal((await fetch(events)).status, 404);
});

function writeMessages(path: string, thread: string): void {
  using db = new DatabaseSync(path, { timeout: 5000 });
  const insert = db.prepare(
    `INSERT INTO thread_events (thread_id, event_id, created_at, event_type, event_data)
     VALUES (?, ?, ?, 'comm.user_message', ?)`,
  );
  const data = JSON.stringify({ role: 'user', content: 'x'.repeat(MESSAGE_CHARS) });
  for (let n = 0; n < MESSAGES; n++) {
    const time = `2100-01-01 00:00:00.${String(n + 1).padStart(6, '0')}`;
    insert.run(thread, crypto.randomUUID().replaceAll('-', ''), time, data);
  }
}

async function jsonOf(url: string): Promise<Readonly<Record<string, unknown>>> {
  const answer = await fetch(url);
  assert.equal(answer.status, 200);
  return Object.fromEntries(Object.entries(Object(await answer.json())));
}

/** Reads an answer to its end, or so much of it. */
async function sizeOf(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  enough = Infinity,
): Promise<number> {
  const answer = await fetch(url, { headers });
  assert.equal(answer.status, 200);
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.length;
    if (size >= enough) break;
  }
  return size;
}
