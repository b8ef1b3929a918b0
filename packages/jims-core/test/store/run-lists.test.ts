// What leads from a thread to its runs, and its log backwards.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import type {
  EventPage,
  EventPosition,
  RunSummary,
  Store,
  ThreadRun,
} from '../../src/store/store.ts';
import { newEvent } from '../../src/thread/event.ts';
import type { ThreadEvent } from '../../src/thread/event.ts';
import { newId } from '../../src/thread/new-id.ts';
import { DURABLE, OPEN, ask } from '../support/durable-runs.ts';
import { answer, eventsOf, freshStore, latestOf, question } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

describeStores((kind) => {
  test('events are read backwards, between positions, of some domains, in pages without a gap', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    const types = ['comm.a', 'rag.b', 'state.set.x', 'comm.c', 'plain', 'comm.d'];
    await store.appendEvents(
      thread.id,
      types.map((type) => newEvent(type, { text: type })),
    );
    const log = await eventsOf(store, thread.id);
    for (const limit of [1, 2, 100]) {
      const all = await paged(store, thread.id, { limit, order: 'desc' });
      assert.deepEqual(all, log.toReversed());
      const comm = await paged(store, thread.id, { limit, order: 'desc', domains: ['comm'] });
      assert.deepEqual(typesOf(comm), ['comm.d', 'comm.c', 'comm.a']);
    }
    const [after, before] = [log[1], log[5]];
    assert.ok(after && before);
    const between = await store.pageEvents(thread.id, { limit: 10, after, before });
    assert.deepEqual([between.events, between.more], [log.slice(2, 5), false]);
    const back = await store.pageEvents(thread.id, { limit: 10, after, before, order: 'desc' });
    assert.deepEqual(back.events, log.slice(2, 5).toReversed());
    assert.deepEqual(back.last, positionOf(log[2]));
    assert.deepEqual(await paged(store, randomUUID(), { limit: 2, order: 'desc' }), []);
  });

  test('pages backwards keep to their bytes and to what one read looks at', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    const sought = question('far back');
    await store.appendEvents(thread.id, [sought]);
    for (let n = 0; n < 3; n++) {
      const others = Array.from({ length: 2000 }, () => newEvent('rag.found', {}));
      await store.appendEvents(thread.id, others);
    }
    await store.appendEvents(
      thread.id,
      [300, 300, 900].map((kilobytes) => answer('x'.repeat(kilobytes * 1024))),
    );
    const page = { limit: 100, maxBytes: 700 * 1024, order: 'desc', domains: ['comm'] } as const;
    const reads: number[] = [];
    let before: EventPosition | undefined;
    for (let more = true; more;) {
      const read = await store.pageEvents(thread.id, { ...page, ...(before && { before }) });
      reads.push(read.events.length);
      before = read.last;
      more = read.more;
    }
    assert.deepEqual(reads.slice(0, 2), [1, 2]);
    assert.equal(
      reads.reduce((sum, count) => sum + count, 0),
      4,
    );
    assert.ok(reads.length > 2);
  });

  test('the runs of a thread are listed newest first, with those that wait', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const other = await user.accept('elsewhere', { thread: latestOf('other') });
    const done = await user.accept('one');
    await user.finish(done, ['1', '2'], { usage: [{ model: 'm', n: 1 }] });
    const failed = await user.accept('two');
    const error = { code: 'pipeline_failed', message: 'It broke' };
    await user.finish(failed, [], { status: 'failed', error });
    await store.appendEvents(done.thread.id, [answer('outside'), newEvent('rag.x', {})]);
    const running = await user.accept('three');
    const waiting = [await user.accept('four'), await user.accept('five')];
    const runs = [done, failed, running, ...waiting].toReversed();
    const expected = runs.map(({ runId }) => runId);
    for (const limit of [1, 2, 3, 10]) {
      assert.deepEqual(
        (await allRuns(store, done.thread.id, limit)).map(({ runId }) => runId),
        expected,
        `pages of ${limit}`,
      );
    }
    const list = await allRuns(store, done.thread.id, 10);
    assert.deepEqual(
      list.map(({ status }) => status),
      ['queued', 'queued', 'running', 'failed', 'completed'],
    );
    for (const summary of list) {
      const record = await store.run(summary.runId);
      assert.ok(record);
      const names = Object.keys(summary) as (keyof RunSummary)[];
      assert.equal(names.length, 12);
      for (const name of names) assert.deepEqual(summary[name], record[name], name);
    }
    assert.deepEqual(list[4]?.usage, [{ model: 'm', n: 1 }]);
    assert.deepEqual(list[3]?.error, error);
    assert.deepEqual(await allRuns(store, randomUUID(), 10), []);
    await store.deleteThreads({ threadId: done.thread.id });
    assert.deepEqual(await allRuns(store, done.thread.id, 10), []);
    assert.equal((await allRuns(store, other.thread.id, 10)).length, 1);
  });

  test('the runs of several threads are listed in one order, from where one read ends to the end', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const ended: string[] = [];
    const threadIds = new Set<string>();
    // Many events of the one, and few of the other: a read ends where the first is not known further.
    for (let round = 0; round < 12; round++) {
      for (const contact of round % 4 === 0 ? ['busy', 'calm'] : ['busy']) {
        const run = await user.accept(`${contact} ${round}`, { thread: latestOf(contact) });
        await user.finish(run, Array.from({ length: contact === 'busy' ? 200 : 1 }, String));
        ended.unshift(run.runId);
        threadIds.add(run.thread.id);
        // Messages of two threads are in the order of their times.
        const now = Date.now();
        while (Date.now() <= now) await setImmediate();
      }
    }
    const running = await user.accept('goes on', { thread: latestOf('busy') });
    const waiting = await user.accept('waits', { thread: latestOf('busy') });
    const expected = [waiting.runId, running.runId, ...ended];
    await user.accept('of another one', { thread: latestOf('other') });
    const ids = [...threadIds, randomUUID()];
    const found: ThreadRun[] = [];
    let reads = 0;
    for (let before: EventPosition | undefined; ;) {
      const page = await store.listRunsOf(ids, before);
      reads++;
      found.push(...page.runs);
      before = page.next;
      if (!before) break;
    }
    assert.ok(reads > 2, `${reads} reads`);
    assert.deepEqual(
      found.map(({ runId }) => runId),
      expected,
    );
    for (const { threadId, ...run } of found) {
      const record = await store.run(run.runId);
      assert.equal(threadId, record?.thread.id);
      assert.deepEqual({ ...record, ...run }, record);
    }
    await store.deleteThreads({ contactId: 'busy' });
    assert.equal((await store.listRunsOf(ids)).runs.length, 3);
    assert.deepEqual(await store.listRunsOf([]), { runs: [], next: undefined });
  });

  test('runs of a question and its answer are listed with it', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Hi', DURABLE);
    const { questionId } = await ask(user, run);
    const answering = await user.accept('Yes', { ...DURABLE, ...OPEN });
    const [second, first] = await allRuns(store, run.thread.id, 10);
    assert.deepEqual([first?.runId, first?.question?.questionId], [run.runId, questionId]);
    assert.deepEqual([second?.runId, second?.continues], [answering.runId, questionId]);
    assert.deepEqual([first?.chainId, second?.chainId], [run.runId, run.runId]);
    const { runs } = await store.listRunsOf([run.thread.id]);
    assert.deepEqual(
      runs.map(({ runId, chainId, question: asked }) => [runId, chainId, asked]),
      [
        [answering.runId, run.runId, undefined],
        [
          run.runId,
          run.runId,
          {
            audience: 'contact',
            state: 'answered',
            answeredBy: answering.runId,
            closedAt: first?.question?.closedAt,
          },
        ],
      ],
    );
  });

  test('events know the run that made them, as long as its record is there', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'customer:1' });
    const one = await user.accept('one');
    await store.appendEvents(thread.id, [newEvent('rag.outside', {})]);
    await user.finish(one, ['1', '2']);
    const two = await user.accept('two');
    await user.finish(two, ['3']);
    const log = await eventsOf(store, thread.id);
    const made = await store.runsOfEvents(thread.id, log);
    assert.deepEqual(
      log.map(({ id }) => made.get(id)),
      [undefined, one.runId, undefined, one.runId, one.runId, two.runId, two.runId],
    );
    for (const [index, event] of log.entries()) {
      const alone = await store.runsOfEvents(thread.id, [event]);
      assert.equal(alone.get(event.id), made.get(event.id), `event ${index}`);
      assert.equal(alone.size, made.has(event.id) ? 1 : 0);
    }
    const other = await store.openThread({ contactId: 'other' });
    assert.equal((await store.runsOfEvents(other.thread.id, log)).size, 0);
    assert.equal((await store.runsOfEvents(thread.id, [])).size, 0);
    const unknown = { createdAt: '2026-01-01T00:00:00.000000Z', id: newId() };
    assert.equal((await store.runsOfEvents(thread.id, [unknown])).size, 0);
  });

  test('events of a conversation start are those of the run that made the thread', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Hi', { holdIncomingOnNewThread: true });
    await store.appendInRun(user.owner(run), [answer('Welcome!')]);
    await user.finish(run, ['Hello']);
    const log = await eventsOf(store, run.thread.id);
    const made = await store.runsOfEvents(run.thread.id, log);
    assert.deepEqual(
      log.map(({ id }) => made.get(id)),
      [undefined, run.runId, run.runId, run.runId],
    );
  });
});

async function paged(
  store: Store,
  threadId: string,
  page: EventPage,
): Promise<readonly ThreadEvent[]> {
  const found: ThreadEvent[] = [];
  for (let before: EventPosition | undefined; ;) {
    const next = await store.pageEvents(threadId, { ...page, ...(before && { before }) });
    found.push(...next.events);
    before = next.last;
    if (!next.more) return found;
  }
}

async function allRuns(
  store: Store,
  threadId: string,
  limit: number,
): Promise<readonly RunSummary[]> {
  const runs: RunSummary[] = [];
  for (let before: EventPosition | undefined; ;) {
    const page = await store.listRuns(threadId, { limit, ...(before && { before }) });
    assert.ok(page.runs.length <= limit);
    runs.push(...page.runs);
    before = page.next;
    if (!before) return runs;
  }
}

function positionOf(event: ThreadEvent | undefined): EventPosition | undefined {
  return event && { createdAt: event.createdAt, id: event.id };
}

function typesOf(events: readonly ThreadEvent[]): readonly string[] {
  return events.map(({ type }) => type);
}
