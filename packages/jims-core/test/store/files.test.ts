import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { EventPosition, FileRecord, NewFileRecord, Store } from '../../src/store/store.ts';
import { newId } from '../../src/thread/new-id.ts';
import { answer, freshStore, keyOf, latestOf } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

const ROOM = { maxContactBytes: 1_000_000 };
const DIGEST = 'ab'.repeat(32);
const CONTENT = { mediaType: 'image/png', size: 90, digest: DIGEST };

describeStores((kind) => {
  test('a file is found when its bytes are there, and not before', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const file = newFile({ name: 'Bild ü👋.png' });
    assert.equal(await store.beginFile(file, ROOM), 'begun');
    assert.deepEqual(await store.files([file.fileId]), []);
    assert.deepEqual(await store.listFiles({ contactId: 'customer:1', limit: 10 }), none());
    const record = await store.completeFile(file.fileId, CONTENT);
    assert.ok(record);
    const { createdAt, ...members } = record;
    assert.match(createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    assert.ok(Math.abs(Date.parse(createdAt) - Date.now()) < 3_600_000);
    assert.deepEqual(members, {
      ...CONTENT,
      fileId: file.fileId,
      contactId: 'customer:1',
      name: 'Bild ü👋.png',
      threadId: undefined,
    });
    assert.deepEqual(await store.files([randomUUID(), file.fileId, 'no-uuid']), [record]);
    assert.equal(await store.completeFile(randomUUID(), CONTENT), undefined);
    assert.equal(await store.completeFile('no-uuid', CONTENT), undefined);
  });

  test('the files of a contact come in order and in parts, and those of no other contact', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const made: FileRecord[] = [];
    for (let n = 0; n < 5; n++) made.push(await readyFile(store));
    await readyFile(store, { contactId: 'customer:2' });
    const listed: string[] = [];
    let after: EventPosition | undefined;
    for (let more = true; more;) {
      const query = { contactId: 'customer:1', limit: 2, ...(after && { after }) };
      const page = await store.listFiles(query);
      assert.ok(page.files.length <= 2);
      listed.push(...page.files.map(({ fileId }) => fileId));
      const last = page.files.at(-1);
      after = last && { createdAt: last.createdAt, id: last.fileId };
      more = page.more;
    }
    const order = made.toSorted((a, b) =>
      a.createdAt === b.createdAt ? order2(a.fileId, b.fileId) : order2(a.createdAt, b.createdAt),
    );
    assert.deepEqual(
      listed,
      order.map(({ fileId }) => fileId),
    );
    const bounded = await store.listFiles({ contactId: 'customer:1', limit: 10, maxBytes: 1 });
    assert.deepEqual([bounded.files.length, bounded.more], [1, true]);
    assert.deepEqual(await store.listFiles({ threadId: 'no-uuid', limit: 10 }), none());
  });

  test('the files of a contact are never more bytes than they may be, however many come at once', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const limits = { maxContactBytes: 500 };
    const results = await Promise.all(
      Array.from({ length: 12 }, () => store.beginFile(newFile({ size: 100 }), limits)),
    );
    assert.equal(results.filter((result) => result === 'begun').length, 5);
    const other = newFile({ size: 100, contactId: 'customer:2' });
    assert.equal(await store.beginFile(other, limits), 'begun');
    assert.equal(
      await store.beginFile(newFile({ size: 501, contactId: 'c' }), limits),
      'too_many_bytes',
    );
  });

  test('a file counts with its own size when it is there, and not any more when it is dropped', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const limits = { maxContactBytes: 500 };
    const first = newFile({ size: 500 });
    assert.equal(await store.beginFile(first, limits), 'begun');
    assert.equal(await store.beginFile(newFile({ size: 1 }), limits), 'too_many_bytes');
    await store.completeFile(first.fileId, CONTENT);
    const second = newFile({ size: 410 });
    assert.equal(await store.beginFile(second, limits), 'begun');
    assert.equal(await store.beginFile(newFile({ size: 1 }), limits), 'too_many_bytes');
    await store.dropFiles([second.fileId]);
    assert.equal(await store.beginFile(newFile({ size: 410 }), limits), 'begun');
  });

  test('the first message that names a file takes it into its thread', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const [one, two] = [await readyFile(store), await readyFile(store)];
    const files = [one.fileId, two.fileId, one.fileId];
    const run = await user.accept('Look', { files });
    const inThread = await store.listFiles({ threadId: run.thread.id, limit: 10 });
    assert.deepEqual(idsOf(inThread.files), [one.fileId, two.fileId].toSorted());
    assert.equal(inThread.files[0]?.threadId, run.thread.id);
    const other = { kind: 'new', contactId: 'customer:1', threadConfig: {}, events: [] } as const;
    const again = await user.accept('Again', { thread: other, files: [one.fileId] });
    assert.notEqual(again.thread.id, run.thread.id);
    assert.equal((await store.files([one.fileId]))[0]?.threadId, run.thread.id);
    await sleep(5);
    assert.deepEqual(await store.filesToErase({ unnamedMs: 1, limit: 10 }), []);
  });

  test('a message that names a file that it cannot have is not accepted, and leaves nothing behind', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const mine = await readyFile(store);
    const uploading = newFile();
    await store.beginFile(uploading, ROOM);
    const dropped = await readyFile(store);
    await store.dropFiles([dropped.fileId]);
    const others = await readyFile(store, { contactId: 'customer:2' });
    for (const bad of [uploading.fileId, dropped.fileId, others.fileId, randomUUID(), 'no-uuid']) {
      const files = [mine.fileId, bad];
      const idempotency = keyOf(bad);
      const refused = await user.ask('Look', { files, idempotency });
      assert.deepEqual(refused, { kind: 'file_not_found' }, bad);
      assert.equal(await store.latestThread('customer:1'), undefined);
      assert.equal(await store.runIdByKey(idempotency), undefined);
      assert.equal((await store.files([mine.fileId]))[0]?.threadId, undefined);
    }
    const run = await user.accept('Hello');
    await user.finish(run, ['Hi']);
    assert.deepEqual(await user.ask('Look', { files: [randomUUID()] }), { kind: 'file_not_found' });
    assert.equal(await store.activeRun(run.thread.id), undefined);
    const file = await readyFile(store);
    assert.equal((await user.accept('Look', { files: [file.fileId] })).status, 'running');
  });

  test('a repeated request with files is the same run', async () => {
    await using user = await freshStore(kind);
    const file = await readyFile(user.store);
    const request = { files: [file.fileId], idempotency: keyOf('k') };
    const run = await user.accept('Look', request);
    assert.deepEqual(await user.ask('Look', request), { kind: 'existing', runId: run.runId });
  });

  test('what was not completed, or named by no message, is erased when it is old', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const uploading = newFile();
    await store.beginFile(uploading, ROOM);
    const unnamed = await readyFile(store);
    const named = await readyFile(store);
    await user.accept('Look', { files: [named.fileId] });
    assert.deepEqual(await store.filesToErase({ unnamedMs: 3_600_000, limit: 10 }), []);
    await sleep(5);
    const erased = await store.filesToErase({ unnamedMs: 1, limit: 10 });
    assert.deepEqual(erased.toSorted(), [uploading.fileId, unnamed.fileId].toSorted());
    assert.deepEqual(
      await store.files([unnamed.fileId, named.fileId]),
      await store.files([named.fileId]),
    );
    assert.equal((await store.files([named.fileId])).length, 1);
    // A sender that is still at it learns that its bytes must go.
    assert.equal(await store.completeFile(uploading.fileId, CONTENT), undefined);
    // Until somebody says that the bytes are gone, as a process may end before it has removed them.
    assert.deepEqual((await store.filesToErase({ unnamedMs: 1, limit: 10 })).length, 2);
    await store.forgetFiles([...erased, named.fileId]);
    assert.deepEqual(await store.filesToErase({ unnamedMs: 1, limit: 10 }), []);
    assert.equal((await store.files([named.fileId])).length, 1, 'only those that are erased');
  });

  test('many files are erased in parts', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const made = await Promise.all(Array.from({ length: 7 }, () => readyFile(store)));
    await sleep(5);
    const erased: string[] = [];
    for (;;) {
      const some = await store.filesToErase({ unnamedMs: 1, limit: 3 });
      assert.ok(some.length <= 3);
      if (some.length === 0) break;
      await store.forgetFiles(some);
      erased.push(...some);
    }
    assert.deepEqual(erased.toSorted(), idsOf(made));
  });

  test('a file that an app sends stays when its message is stored, and goes when its run failed', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Draw', { thread: latestOf('customer:1') });
    const [said, unsaid] = [answer('Here'), answer('Never')];
    const threadId = run.thread.id;
    const kept = await readyFile(store, { named: { threadId, eventId: said.id } });
    const lost = await readyFile(store, { named: { threadId, eventId: unsaid.id } });
    assert.equal(kept.threadId, threadId);
    await user.finish(run, [], { events: [said] });
    await sleep(5);
    for (let n = 0; n < 2; n++) {
      const erased = await store.filesToErase({ unnamedMs: 1, limit: 10 });
      assert.deepEqual(erased, [lost.fileId]);
    }
    assert.equal((await store.files([kept.fileId, lost.fileId])).length, 1);
  });

  test('with a thread its files go, and with a contact all of theirs', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const [mine, unnamed] = [await readyFile(store), await readyFile(store)];
    const others = await readyFile(store, { contactId: 'customer:2' });
    const otherUnnamed = await readyFile(store, { contactId: 'customer:2' });
    const run = await user.accept('Look', { files: [mine.fileId] });
    await user.accept('Look', { thread: latestOf('customer:2'), files: [others.fileId] });

    await store.deleteThreads({ threadId: run.thread.id });
    assert.deepEqual(await store.files([mine.fileId]), []);
    assert.deepEqual(await store.filesToErase({ unnamedMs: 3_600_000, limit: 10 }), [mine.fileId]);
    assert.equal((await store.files([unnamed.fileId, others.fileId])).length, 2);
    assert.deepEqual(await user.ask('Look', { files: [mine.fileId] }), { kind: 'file_not_found' });

    await store.forgetFiles([mine.fileId]);
    await store.deleteThreads({ contactId: 'customer:2' });
    const erased = await store.filesToErase({ unnamedMs: 3_600_000, limit: 10 });
    assert.deepEqual(erased.toSorted(), idsOf([others, otherUnnamed]));
    await store.deleteThreads({ contactId: 'customer:1' });
    assert.equal((await store.filesToErase({ unnamedMs: 3_600_000, limit: 10 })).length, 3);
  });

  test('a contact without a thread has files, and they go', async () => {
    await using user = await freshStore(kind);
    const file = await readyFile(user.store);
    const uploading = newFile();
    await user.store.beginFile(uploading, ROOM);
    assert.deepEqual(await user.store.deleteThreads({ contactId: 'customer:1' }), []);
    assert.deepEqual(await user.store.files([file.fileId]), []);
    assert.equal(await user.store.completeFile(uploading.fileId, CONTENT), undefined);
  });

  test('with a thread that is idle for too long its files go', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const file = await readyFile(store);
    await user.finish(await user.accept('Look', { files: [file.fileId] }));
    await sleep(20);
    const limits = { finishedRunsMs: 3_600_000, progressMs: 3_600_000, batch: 10 };
    while ((await store.purge({ ...limits, idleThreadsMs: 10 })).more);
    assert.equal(await store.latestThread('customer:1'), undefined);
    assert.deepEqual(await store.files([file.fileId]), []);
    assert.deepEqual(await store.filesToErase({ unnamedMs: 3_600_000, limit: 10 }), [file.fileId]);
  });
});

function newFile(members: Partial<NewFileRecord> = {}): NewFileRecord {
  return { fileId: newId(), contactId: 'customer:1', name: 'a.png', size: 100, ...members };
}

async function readyFile(store: Store, members?: Partial<NewFileRecord>): Promise<FileRecord> {
  const file = newFile(members);
  assert.equal(await store.beginFile(file, ROOM), 'begun');
  const record = await store.completeFile(file.fileId, CONTENT);
  assert.ok(record);
  return record;
}

function idsOf(files: readonly FileRecord[]): readonly string[] {
  return files.map(({ fileId }) => fileId).toSorted();
}

function order2(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function none(): object {
  return { files: [], more: false };
}
