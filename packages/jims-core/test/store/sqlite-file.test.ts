import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { newEvent } from '../../src/thread/event.ts';
import { THREAD_TITLED } from '../../src/thread/message.ts';
import { newId } from '../../src/thread/new-id.ts';
import type { Thread } from '../../src/thread/thread.ts';
import { OPEN, ask, entryOf } from '../support/durable-runs.ts';
import { eventually } from '../support/eventually.ts';
import { freshSqlite } from '../support/sqlite.ts';
import { undoStepFive } from '../support/step-four.ts';
import { answer, keyOf, latestOf, storeUser } from '../support/store-user.ts';
import type { StoreUser } from '../support/store-user.ts';

const SECRET = 'A-VERY-SECRET-TEXT';
const MEGABYTE = 1024 * 1024;
const EMPTY = { threadConfig: {}, events: [] };

for (const which of ['contact', 'thread'] as const) {
  test(`what a ${which} had is in no file any more once it is erased`, async () => {
    using file = freshSqlite();
    await using store = await openStore(file.url);
    const user = await storeUser(store);
    const run = await user.accept(SECRET, {
      thread: { kind: 'latest', contactId: 'contact-of-secrets', threadConfig: { note: SECRET } },
      idempotency: keyOf('key-of-secrets'),
    });
    await user.finish(run, [`${SECRET} again`, 'x'.repeat(100_000) + SECRET]);
    await askAndAnswer(user, run.thread);
    await nameAndRate(store, run.thread);
    assert.ok(filesHold(file.path, SECRET));
    assert.ok(filesHold(file.path, 'result-of-secrets'));
    const { id: threadId } = run.thread;
    await store.deleteThreads(
      which === 'contact' ? { contactId: 'contact-of-secrets' } : { threadId },
    );
    const ends = ['key-of-secrets', 'result-of-secrets', 'words4secrets', 'file-of-secrets'];
    for (const text of [SECRET, 'contact-of-secrets', ...ends]) {
      assert.ok(!filesHold(file.path, text), text);
    }
  });
}

test('words of the erased are in no file either, among those of many others', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const erased: string[] = [];
  for (let n = 0; n < 400; n++) {
    const isErased = n % 4 === 0;
    const { thread } = await store.openThread({
      contactId: isErased ? 'erased' : `other ${n % 7}`,
    });
    const words = Array.from({ length: 20 }, (_, w) => `${(n * 7919 + w * 104729) % 9973}w${w}`);
    await store.appendEvents(thread.id, [
      answer(words.join(isErased ? 'ofsecrets ' : 'ofothers ')),
    ]);
    if (isErased) erased.push(thread.id);
    // In pieces: so the index has several parts.
    if (n % 20 === 0) while (await store.indexMessages());
  }
  while (await store.indexMessages());
  moveLog(file.path);
  assert.ok(readFileSync(file.path).includes('ofsecrets'));
  for (const threadId of erased.slice(92)) await store.deleteThreads({ threadId });
  await store.deleteThreads({ contactId: 'erased' });
  await store.close();
  assert.ok(!filesHold(file.path, 'ofsecrets'));
  assert.ok(filesHold(file.path, 'ofothers'));
});

test('what was replaced before a thread was erased is in no file either, also when it filled pages', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const user = await storeUser(store);
  const threadConfig = { note: SECRET.repeat(2000) };
  const { thread } = await store.openThread({ contactId: 'a', threadConfig });
  const held = await user.accept(SECRET.repeat(2000), { thread: latestOf('b') });
  const waiting = await user.accept(SECRET.repeat(2000), { thread: latestOf('b') });
  // The log is moved into the file in between, so that the file had all of it.
  moveLog(file.path);
  assert.ok(readFileSync(file.path).includes(SECRET));
  await store.updateThreadConfig(thread.id, { note: 'short' });
  await user.finish(held);
  await user.finish(waiting);
  moveLog(file.path);
  await store.deleteThreads({ contactId: 'a' });
  await store.deleteThreads({ contactId: 'b' });
  assert.ok(!filesHold(file.path, SECRET));
});

test('names of the erased are in no file either, among many others whose names lie between them', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const user = await storeUser(store);
  const erased = new Set<string>();
  for (let n = 0; n < 1500; n++) {
    // In no order: the pages of the indexes are split again and again.
    const digest = createHash('sha256').update(String(n)).digest('hex');
    const owner = n % 3 === 0 ? SECRET : 'others';
    const contactId = `${digest.slice(0, 1)}-${owner}-${n % 20}`;
    if (owner === SECRET) erased.add(contactId);
    const name = `${digest.slice(0, n % 20)}${owner}`;
    const thread = { kind: 'external', contactId, externalId: name + n, ...EMPTY } as const;
    await user.finish(await user.accept('hi', { thread, idempotency: keyOf(name + n) }));
  }
  const [first = '', ...others] = erased;
  for (const contactId of others) await store.deleteThreads({ contactId });
  await eventually(() => !filesHold(file.path, others.at(-1) ?? ''));
  const { threads } = await store.listThreads({ limit: 2000 });
  assert.ok(threads.length > 1000);
  await store.deleteThreads({ contactId: first });
  // What was put off is done before the file is closed.
  await store.close();
  assert.ok(!filesHold(file.path, SECRET));
});

test('what idle threads had is in no file any more once they are purged', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const user = await storeUser(store);
  await user.finish(await user.accept(SECRET));
  await new Promise((resolve) => setTimeout(resolve, 20));
  const limits = { idleThreadsMs: 10, finishedRunsMs: 1e9, progressMs: 1e9, batch: 10 };
  while ((await store.purge(limits)).more);
  assert.ok(!filesHold(file.path, SECRET));
});

test('a reader delays the end of an erased text, but nobody else', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const user = await storeUser(store);
  const run = await user.accept(SECRET);
  const reader = new DatabaseSync(file.path);
  reader.exec('BEGIN; SELECT count(*) FROM thread_events');
  reader.prepare('SELECT * FROM thread_events').all();
  await store.deleteThreads({ threadId: run.thread.id });
  assert.ok(filesHold(file.path, SECRET), 'the reader still sees it');
  await user.finish(await user.accept('of others', { thread: latestOf('other') }));
  reader.close();
  await eventually(() => !filesHold(file.path, SECRET));
});

test('a log that a long reader made grow is cut back', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const { thread } = await store.openThread({ contactId: 'a' });
  const reader = new DatabaseSync(file.path);
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM thread_events').get();
  await append(30);
  assert.ok(statSync(`${file.path}-wal`).size > 30 * MEGABYTE);
  reader.close();
  await append(2);
  assert.ok(statSync(`${file.path}-wal`).size <= 25 * MEGABYTE);

  async function append(megabytes: number): Promise<void> {
    for (let n = 0; n < megabytes; n++) {
      await store.appendEvents(thread.id, [answer('x'.repeat(MEGABYTE))]);
    }
  }
});

test('what a version before had lost sight of is found and removed', async () => {
  using file = freshSqlite();
  const before = await openStore(file.url);
  const user = await storeUser(before);
  const kept = await user.accept('kept');
  await user.finish(kept);
  const greeted = await user.accept('greeted', { thread: latestOf('greeted') });
  await user.finish(greeted);
  await before.close();
  undoStepFive(file.path);
  const db = new DatabaseSync(file.path);
  // As the first version left it: a run of no event that counts as stored, one of a thread that is gone.
  db.exec(`
    DELETE FROM jims_migrations WHERE version >= 2;
    DROP TABLE jims_journal; DROP TABLE jims_questions; DROP TABLE jims_erasing_chains;
    DROP INDEX jims_runs_chain;
    ${dropColumns('jims_instances', ['version', 'durable', 'draining'])}
    ${dropColumns('jims_runs', ['chain_id', 'continues', 'question_id', 'durable', 'counted'])}
    ${dropColumns('jims_runs', ['recoveries', 'retry_at', 'kept', 'config'])}
    DROP TABLE jims_erasing; DROP INDEX jims_threads_contact_order; DROP INDEX jims_threads_order;
    DELETE FROM thread_events WHERE event_id = '${greeted.runId.replaceAll('-', '')}';
    INSERT INTO jims_runs (run_id, thread_id, status, instance_id, created_thread, incoming_stored, accepted_at)
    VALUES ('0190d3a0000070008000000000000001', '0190d3a0000070008000000000000002', 'completed', 'x', 1, 1, '2026');
  `);
  db.close();
  await using store = await openStore(file.url);
  const rows = (): number => {
    const look = new DatabaseSync(file.path);
    const count = Number(look.prepare('SELECT count(*) AS n FROM jims_runs').get()?.['n']);
    look.close();
    return count;
  };
  assert.equal(rows(), 2, 'the run of a thread that is gone is gone');
  await store.deleteThreads({ contactId: 'greeted' });
  assert.equal(rows(), 1);
  assert.ok(await store.run(kept.runId));
});

test('threads of a contact, of an external id, and lists of threads, are found without sorting', async () => {
  using file = freshSqlite();
  await (await openStore(file.url)).close();
  using db = new DatabaseSync(file.path);
  const order = 'ORDER BY created_at DESC, thread_id DESC';
  for (const rest of [
    `WHERE contact_id = 'a' ${order} LIMIT 1`,
    `WHERE contact_id = 'a'`,
    `WHERE external_id = 'x' AND contact_id = 'a'`,
    `WHERE contact_id = 'a' AND (created_at, thread_id) < ('2026', 'x') ${order}`,
    order,
  ]) {
    const plan = db.prepare(`EXPLAIN QUERY PLAN SELECT * FROM threads ${rest}`).all();
    const steps = plan.map((step) => String(step['detail'])).join('\n');
    assert.match(steps, /USING INDEX jims_threads_/);
    assert.doesNotMatch(steps, /TEMP B-TREE/);
  }
});

/** A chain with many results, a question that is answered, and one that is open. */
async function askAndAnswer(user: StoreUser, { id: threadId }: Thread): Promise<void> {
  const principal = { kind: 'contact', id: SECRET, contactId: SECRET } as const;
  const options = { thread: { kind: 'thread', threadId }, durable: { principal } } as const;
  let run = await user.accept('Hello', options);
  for (let round = 0; round < 3; round++) {
    const json = JSON.stringify(`${'x'.repeat(500 * round)}result-of-secrets`);
    const results = Array.from({ length: 50 }, (_, n) =>
      entryOf(run, round * 51 + n, { outcome: { kind: 'value', json } }),
    );
    await user.store.storeEntries(user.owner(run), results);
    await ask(user, run, { text: SECRET, data: { result: json } }, round * 51 + 50);
    if (round < 2) run = await user.accept('Yes', { ...options, ...OPEN });
  }
}

/** A title, words that are searched, feedback that changes, and files, of which one is on its way. */
async function nameAndRate(store: Store, { id: threadId }: Thread): Promise<void> {
  const message = answer('About words4secrets, and more');
  await store.appendEvents(threadId, [
    message,
    newEvent(THREAD_TITLED, { title: `${SECRET} title` }),
  ]);
  assert.equal((await store.listThreads({ words: 'words4secre', limit: 1 })).threads.length, 1);
  for (const comment of [SECRET.repeat(300), SECRET]) {
    await store.setFeedback(threadId, message.id, { value: 'down', comment, tags: [SECRET] });
  }
  const limits = { maxContactBytes: 1000 };
  for (const n of [1, 2]) {
    const named = { threadId, eventId: message.id };
    const begun = {
      fileId: newId(),
      contactId: 'contact-of-secrets',
      name: 'file-of-secrets',
      size: n,
    };
    await store.beginFile({ ...begun, named }, limits);
    if (n === 2) await store.completeFile(begun.fileId, { mediaType: 'x', size: 2, digest: 'x' });
  }
}

function dropColumns(table: string, columns: readonly string[]): string {
  return columns.map((column) => `ALTER TABLE ${table} DROP COLUMN ${column};`).join(' ');
}

function moveLog(path: string): void {
  using db = new DatabaseSync(path);
  db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
}

/** Looks where text could be: in the database and in its log. */
function filesHold(path: string, text: string): boolean {
  return [path, `${path}-wal`].some(
    (each) => existsSync(each) && readFileSync(each).includes(text),
  );
}
