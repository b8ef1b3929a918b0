import assert from 'node:assert/strict';
import { closeSync, openSync, renameSync, writeSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { isJimsError } from '../../src/errors/jims-error.ts';
import { openStore } from '../../src/store/open-store.ts';
import { freshSqlite } from '../support/sqlite.ts';
import { latestOf, storeUser } from '../support/store-user.ts';

test('another program’s lock is waited for while the process goes on', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const user = await storeUser(store);
  using other = new DatabaseSync(file.path);
  other.exec('BEGIN IMMEDIATE');
  let isCommitted = false;
  const waiting = Array.from({ length: 12 }, (_, n) =>
    user.accept('Hello', { thread: latestOf(`contact ${n}`) }),
  );
  const accepted = Promise.all(waiting).then((runs) => {
    assert.ok(isCommitted, 'nothing is accepted before it is on the disk');
    return runs;
  });
  // A process that stood still in SQLite would let the lock go only after its own time-out.
  for (let turn = 0; turn < 10; turn++) {
    await sleep(20);
    assert.equal((await store.listThreads({ limit: 20 })).threads.length, 0);
  }
  isCommitted = true;
  other.exec('COMMIT');
  assert.equal((await accepted).length, 12);
});

test('a lock that is not given up is reported in time, and is not a reason to be ready', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const user = await storeUser(store);
  using other = new DatabaseSync(file.path);
  other.exec('BEGIN IMMEDIATE');
  const outcomes = await Promise.allSettled([user.ask('one'), user.ask('two'), user.ask('three')]);
  for (const outcome of outcomes) {
    assert.ok(outcome.status === 'rejected' && isJimsError(outcome.reason));
    assert.equal(outcome.reason.code, 'store_unavailable');
    assert.match(outcome.reason.message, /another program/);
  }
  const ready = store.ping();
  await assert.rejects(ready, /another program/);
  other.exec('COMMIT');
  await store.ping();
  assert.equal((await user.accept('four')).status, 'running');
});

test('a file that another program has locked is opened when it lets go', async () => {
  using file = freshSqlite();
  await (await openStore(file.url)).close();
  using other = new DatabaseSync(file.path);
  other.exec('BEGIN IMMEDIATE');
  const opened = openStore(file.url);
  await sleep(50);
  other.exec('COMMIT');
  await (await opened).close();
});

test('a store that takes no writes is not ready, until it does again', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  using other = new DatabaseSync(file.path);
  // As a full disk: all can be read, and nothing is kept.
  other.exec(`
    CREATE TRIGGER full BEFORE INSERT ON jims_instances BEGIN SELECT RAISE(ABORT, 'no space'); END`);
  await store.ping();
  await assert.rejects(store.renewLease(crypto.randomUUID(), 1000), /no space/);
  await store.listThreads({ limit: 1 });
  await assert.rejects(store.ping(), /no space/);
  other.exec('DROP TRIGGER full');
  await store.ping();
});

test('a damaged file is not ready', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const user = await storeUser(store);
  await user.finish(await user.accept('Hello'), ['1']);
  using other = new DatabaseSync(file.path);
  other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  const { rootpage } = other
    .prepare(`SELECT rootpage FROM sqlite_schema WHERE name = 'thread_events'`)
    .get() as { rootpage: number };
  const PAGE = 4096;
  const descriptor = openSync(file.path, 'r+');
  writeSync(descriptor, Buffer.alloc(PAGE, 0xff), 0, PAGE, (rootpage - 1) * PAGE);
  closeSync(descriptor);
  await assert.rejects(user.accept('again'), /malformed/);
  // Its trial of writing meets the pages that are whole.
  await assert.rejects(store.ping(), /damaged/);
});

test('a file that is taken away makes the database unready until it is there again', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  await store.ping();
  renameSync(file.path, `${file.path}.away`);
  await assert.rejects(store.ping(), {
    code: 'store_unavailable',
    message: /was moved or removed/,
  });
  renameSync(`${file.path}.away`, file.path);
  await store.ping();
});
