import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { isJimsError } from '../../src/errors/jims-error.ts';
import { removeOld } from '../../src/run/retention.ts';
import { DEFAULT_RUN_LIMITS } from '../../src/run/run-limits.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { newId } from '../../src/thread/new-id.ts';
import { withClient } from '../support/postgres.ts';
import {
  answer,
  conversation,
  eventsOf,
  freshStore,
  keyOf,
  latestOf,
  threadsOf,
} from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

const KEEP_ALL = { finishedRunsMs: 3_600_000, progressMs: 3_600_000, batch: 100 };

describeStores((kind) => {
  test('a deleted thread is gone with its events and runs', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('one');
    await user.finish(run, ['1']);
    const kept = await user.accept('two', { thread: latestOf('b') });
    assert.deepEqual(await store.deleteThreads({ threadId: run.thread.id }), [run.thread.id]);
    assert.equal(await store.thread(run.thread.id), undefined);
    assert.deepEqual(await eventsOf(store, run.thread.id), []);
    assert.equal(await store.run(run.runId), undefined);
    assert.deepEqual(await store.deleteThreads({ threadId: run.thread.id }), []);
    assert.deepEqual(await store.deleteThreads({ threadId: 'no-uuid' }), []);
    assert.deepEqual(await conversation(store, kept.thread.id), ['two']);
    assert.equal((await user.accept('again')).createdThread, true);
  });

  test('a deleted thread leaves no run, not even one without a stored question', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const held = await user.accept('held', { holdIncomingOnNewThread: true });
    const waiting = await user.accept('waiting');
    const { thread } = await store.openThread({ contactId: 'customer:2' });
    const unasked = await store.acceptRun({
      runId: newId(),
      instanceId: user.instanceId,
      thread: { kind: 'thread', threadId: thread.id },
      holdIncomingOnNewThread: false,
      onBusy: 'queue',
      queueLimit: 1,
    });
    assert.ok(unasked.kind === 'accepted');
    await user.finish(unasked, ['Hello']);
    const greeted = await store.acceptRun({
      runId: newId(),
      instanceId: user.instanceId,
      thread: latestOf('customer:3'),
      holdIncomingOnNewThread: true,
      onBusy: 'queue',
      queueLimit: 1,
    });
    assert.ok(greeted.kind === 'accepted');
    await store.appendInRun(user.owner(greeted), [answer('Welcome')]);
    await user.finish(greeted, ['Hello']);
    const runIds = [held, waiting, unasked, greeted].map(({ runId }) => runId);
    assert.equal((await store.pollRuns(user.instanceId, runIds)).length, 4);
    await store.deleteThreads({ contactId: 'customer:1' });
    await store.deleteThreads({ contactId: 'customer:2' });
    await store.deleteThreads({ contactId: 'customer:3' });
    assert.deepEqual(await store.pollRuns(user.instanceId, runIds), []);
  });

  test('all threads of a contact are deleted, and those of no other contact', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const own = [];
    for (let n = 0; n < 3; n++) own.push((await store.openThread({ contactId: 'a' })).thread.id);
    const other = await store.openThread({ contactId: 'aa' });
    const deleted = await store.deleteThreads({ contactId: 'a' });
    assert.deepEqual(deleted.toSorted(), own.toSorted());
    assert.deepEqual(await store.deleteThreads({ contactId: 'a' }), []);
    const left = await threadsOf(store, { limit: 10 });
    assert.deepEqual(
      left.map(({ id }) => id),
      [other.thread.id],
    );
  });

  test('a contact with many threads, and a thread with many events, are erased with all they had', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    for (let n = 0; n < 1100; n += 100) {
      const opening = Array.from({ length: 100 }, () => store.openThread({ contactId: 'many' }));
      await Promise.all(opening);
    }
    const run = await user.accept('one', { thread: latestOf('many') });
    await user.finish(run, ['1']);
    await store.appendEvents(
      run.thread.id,
      Array.from({ length: 5000 }, (_, n) => answer(`${n}`)),
    );
    const kept = await user.accept('kept', { thread: latestOf('other') });
    const deleted = await store.deleteThreads({ contactId: 'many' });
    assert.equal(new Set(deleted).size, 1100);
    assert.deepEqual(await rowsOf(kind.name, user.url), {
      threads: 1,
      events: 2,
      runs: 1,
      left: 0,
    });
    assert.deepEqual(await conversation(store, kept.thread.id), ['kept']);
  });

  test('an erasure that was interrupted is hidden at once, and a purge ends it', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('one', { idempotency: keyOf('k') });
    await user.finish(run, ['1']);
    await store.appendEvents(
      run.thread.id,
      Array.from({ length: 3000 }, (_, n) => answer(`${n}`)),
    );
    await interruptErasure(kind.name, user.url, run.thread.id);

    assert.equal(await store.thread(run.thread.id), undefined);
    assert.equal(await store.run(run.runId), undefined);
    assert.equal(await store.requestCancel(run.runId), undefined);
    assert.equal(await store.runIdByKey(keyOf('k')), undefined);
    await assert.rejects(
      store.openThread({ contactId: 'customer:1', threadId: run.thread.id }),
      (error) => isJimsError(error) && error.code === 'store_unavailable',
    );
    const again = await user.accept('one', { idempotency: keyOf('k') });
    assert.notEqual(again.runId, run.runId);

    while ((await store.purge(KEEP_ALL)).more);
    assert.deepEqual(await rowsOf(kind.name, user.url), {
      threads: 1,
      events: 2,
      runs: 1,
      left: 0,
    });
    const made = await store.openThread({ contactId: 'customer:1', threadId: run.thread.id });
    assert.equal(made.created, true);
  });

  test('a run whose thread is deleted is fenced out, and so are those in its queue', async () => {
    await using user = await freshStore(kind);
    const one = await user.accept('one');
    const two = await user.accept('two');
    await user.store.deleteThreads({ threadId: one.thread.id });
    assert.deepEqual(await user.finish(two), { kind: 'fenced' });
    assert.deepEqual(await user.finish(one, ['too late']), { kind: 'fenced' });
    assert.equal(await user.store.appendInRun(user.owner(one), []), 'fenced');
    assert.deepEqual(await eventsOf(user.store, one.thread.id), []);
    assert.equal(await user.store.requestCancel(one.runId), undefined);
  });

  test('idle threads are purged, threads in use stay', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const idle = await user.accept('one', { thread: latestOf('idle') });
    await user.finish(idle, ['1']);
    const busy = await user.accept('one', { thread: latestOf('busy') });
    const waiting = await user.accept('two', { thread: latestOf('busy') });
    const recent = await store.openThread({ contactId: 'recent' });
    await sleep(300);
    await store.appendEvents(recent.thread.id, [{ id: randomUUID(), type: 'rag.x', data: {} }]);
    const purged = await store.purge({ ...KEEP_ALL, idleThreadsMs: 250 });
    assert.deepEqual(purged, { threadIds: [idle.thread.id], runs: 0, more: true });
    assert.equal(await store.thread(idle.thread.id), undefined);
    assert.equal(await store.run(idle.runId), undefined);
    assert.ok(await store.thread(recent.thread.id));
    assert.ok(await store.run(waiting.runId));
    await user.finish(busy, ['1']);
    assert.deepEqual(await conversation(store, busy.thread.id), ['one', '1', 'two']);
  });

  test('old runs are purged, their events stay', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const over = await user.accept('one');
    await user.finish(over, ['1']);
    const active = await user.accept('two');
    await sleep(20);
    assert.deepEqual(await store.purge(KEEP_ALL), {
      threadIds: [],
      runs: 0,
      more: false,
    });
    assert.deepEqual(await store.purge({ ...KEEP_ALL, finishedRunsMs: 10 }), {
      threadIds: [],
      runs: 1,
      more: true,
    });
    assert.equal(await store.run(over.runId), undefined);
    assert.equal((await store.run(active.runId))?.status, 'running');
    assert.deepEqual(await conversation(store, over.thread.id), ['one', '1', 'two']);
  });

  test('a purge removes no more than it may, also when several purge at once', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    for (let n = 0; n < 7; n++) {
      const run = await user.accept('one', { thread: latestOf(`contact ${n}`) });
      await user.finish(run);
    }
    await sleep(20);
    const limits = { ...KEEP_ALL, idleThreadsMs: 10, batch: 2 };
    const first = await store.purge(limits);
    assert.equal(first.threadIds.length, 2);
    const rest = await Promise.all([1, 2, 3, 4].map(() => store.purge(limits)));
    for (const { threadIds } of rest) assert.ok(threadIds.length <= 2);
    while ((await store.purge(limits)).more);
    assert.deepEqual(await threadsOf(store, { limit: 10 }), []);
    assert.equal((await rowsOf(kind.name, user.url)).events, 0);
  });

  test('idle threads are found among many that are not', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const idle = await store.openThread({ contactId: 'idle' });
    let last = idle.thread;
    for (let n = 0; n < 2500; n += 100) {
      const opening = Array.from({ length: 100 }, () => store.openThread({ contactId: `${n}` }));
      last = (await Promise.all(opening)).at(-1)?.thread ?? last;
    }
    await sleep(500);
    await touchAllBut(kind.name, user.url, [idle.thread.id, last.id]);
    const purged: string[] = [];
    for (let more = true; more;) {
      const result = await store.purge({ ...KEEP_ALL, idleThreadsMs: 400 });
      purged.push(...result.threadIds);
      more = result.more;
    }
    assert.deepEqual(purged.toSorted(), [idle.thread.id, last.id].toSorted());
  });

  test('all that is too old is removed at one time, however much it is', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    for (let n = 0; n < 6; n++) {
      const runs = Array.from({ length: 100 }, async (_, each) => {
        const thread = latestOf(`contact ${each}`);
        const run = await user.accept('one', { runId: oldRunId(), thread });
        await user.finish(run);
      });
      await Promise.all(runs);
    }
    await makeRunsOld(kind.name, user.url);
    const threads = { dropThreads() {} };
    const limits = DEFAULT_RUN_LIMITS;
    const files = { eraseLeft: async () => {} };
    await removeOld(
      { store, files, limits, logger: silentLogger, threads },
      new AbortController().signal,
    );
    assert.equal((await rowsOf(kind.name, user.url)).runs, 0);
  });
});

/** As many rows as there are; `left` are threads that are not erased to their end. */
interface Rows {
  readonly threads: number;
  readonly events: number;
  readonly runs: number;
  readonly left: number;
}

type Kind = 'sqlite' | 'postgres';

async function rowsOf(kind: Kind, url: string): Promise<Rows> {
  const [runs, erasing] = tableNames(kind);
  const [row] = await sql(
    kind,
    url,
    `SELECT (SELECT count(*) FROM threads) AS threads, (SELECT count(*) FROM thread_events) AS events,
            (SELECT count(*) FROM ${runs}) AS runs, (SELECT count(*) FROM ${erasing}) AS "left"`,
  );
  const count = (name: string): number => Number(row?.[name]);
  return {
    threads: count('threads'),
    events: count('events'),
    runs: count('runs'),
    left: count('left'),
  };
}

/** What a process leaves that ends in the middle of an erasure. */
async function interruptErasure(kind: Kind, url: string, threadId: string): Promise<void> {
  const [, erasing] = tableNames(kind);
  const id = idIn(kind, threadId);
  await sql(kind, url, `INSERT INTO ${erasing} (thread_id) VALUES ('${id}')`);
  await sql(kind, url, `DELETE FROM threads WHERE thread_id = '${id}'`);
}

/** Makes the events of all threads but these a day younger. */
async function touchAllBut(kind: Kind, url: string, threadIds: readonly string[]): Promise<void> {
  const others = threadIds.map((id) => `'${idIn(kind, id)}'`).join(', ');
  const later =
    kind === 'sqlite'
      ? `strftime('%Y-%m-%d %H:%M:%f000', created_at, '+1 day')`
      : `created_at + interval '1 day'`;
  const where = `thread_id NOT IN (${others})`;
  await sql(kind, url, `UPDATE thread_events SET created_at = ${later} WHERE ${where}`);
}

/** Of forty days ago. */
function oldRunId(): string {
  const time = (Date.now() - 40 * 86_400_000).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}${newId().slice(13)}`;
}

async function makeRunsOld(kind: Kind, url: string): Promise<void> {
  const [runs] = tableNames(kind);
  const old = kind === 'sqlite' ? `'2020-01-01 00:00:00.000000'` : `now() - interval '40 days'`;
  await sql(kind, url, `UPDATE ${runs} SET finished_at = ${old}`);
}

function tableNames(kind: Kind): readonly [runs: string, erasing: string] {
  return kind === 'sqlite' ? ['jims_runs', 'jims_erasing'] : ['jims.runs', 'jims.erasing'];
}

function idIn(kind: Kind, id: string): string {
  return kind === 'sqlite' ? id.replaceAll('-', '') : id;
}

async function sql(
  kind: Kind,
  url: string,
  text: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  if (kind === 'postgres') {
    return withClient(url, async (client) => (await client.query(text)).rows);
  }
  const db = new DatabaseSync(url.replace('sqlite:///', ''), { timeout: 5000 });
  try {
    return db.prepare(text).all();
  } finally {
    db.close();
  }
}
