import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FRESH_BYTES, FRESH_EVENTS } from '../../src/store/store.ts';
import type { EventPosition, Store } from '../../src/store/store.ts';
import { newEvent } from '../../src/thread/event.ts';
import type { NewEvent, ThreadEvent } from '../../src/thread/event.ts';
import { eventsOf, freshStore, question } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

const KB = 1024;

describeStores((kind) => {
  test('a page of events ends where its bytes are used up, but has one event at least', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    const sizes = [10, 300, 300, 300, 900, 10, 10];
    await store.appendEvents(thread.id, sizes.map(messageOf));
    const pages: number[][] = [];
    let after: EventPosition | undefined;
    for (let more = true; more;) {
      const page = await store.pageEvents(thread.id, {
        limit: 100,
        maxBytes: 700 * KB,
        domains: ['comm'],
        ...(after && { after }),
      });
      pages.push(page.events.map(sizeOf));
      assert.deepEqual(page.last?.id, page.events.at(-1)?.id);
      after = page.last;
      more = page.more;
    }
    assert.deepEqual(pages, [[10, 300, 300], [300], [900], [10, 10]]);
  });

  test('without a bound of its own a page has no more than one read may have', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    await store.appendEvents(thread.id, [400, 400, 400].map(messageOf));
    const page = await store.pageEvents(thread.id, { limit: 100, domains: ['comm'] });
    assert.deepEqual([page.events.map(sizeOf), page.more], [[400, 400], true]);
  });

  test('a page of threads ends where the bytes of their configs are used up', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    for (const size of [10, 900, 300, 300, 300]) {
      await store.openThread({ contactId: 'a', threadConfig: { text: 'x'.repeat(size * KB) } });
    }
    const pages: number[][] = [];
    let before: EventPosition | undefined;
    for (let more = true; more;) {
      const query = { contactId: 'a', limit: 100, maxBytes: 700 * KB };
      const page = await store.listThreads({ ...query, ...(before && { before }) });
      pages.push(page.threads.map(({ config }) => String(config['text']).length / KB));
      const last = page.threads.at(-1);
      before = last && { createdAt: last.lastEventAt, id: last.id };
      more = page.more;
    }
    assert.deepEqual(pages, [[300, 300], [300], [900], [10]]);
  });

  test('events of a rare domain are looked for a part at a time', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    await store.appendEvents(
      thread.id,
      Array.from({ length: 12_000 }, () => newEvent('rag.found', {})),
    );
    const [sought] = await store.appendEvents(thread.id, [question('here')]);
    const reads: number[] = [];
    let after: EventPosition | undefined;
    for (let more = true; more;) {
      const page = await store.pageEvents(thread.id, {
        limit: 10,
        domains: ['comm'],
        ...(after && { after }),
      });
      reads.push(page.events.length);
      after = page.last;
      more = page.more;
    }
    assert.deepEqual(reads, [0, 0, 1]);
    assert.equal(after?.id, sought?.id);
  });

  test('the end of a log keeps to its bytes, and has the newest value of each state before it', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    const [a1, b1, a2, later] = [
      stateOf('a', 1),
      stateOf('b', 1),
      stateOf('a', 2),
      stateOf('b', 2),
    ];
    const messages = [900, 900, 900].map(messageOf);
    const [one, two, three] = messages;
    assert.ok(one && two && three);
    await store.appendEvents(thread.id, [a1, b1, a2, one, two, later, three]);

    const whole = await store.readTail(thread.id, { maxBytes: 3000 * KB });
    assert.deepEqual([whole.isCut, whole.states, whole.events.length], [false, [], 8]);
    const end = await store.readTail(thread.id, { maxBytes: 2000 * KB });
    assert.ok(end.isCut);
    assert.deepEqual(idsOf(end.events), idsOf([two, later, three]));
    assert.deepEqual(idsOf(end.states), idsOf([a2]), 'b is set in what is read');
    const newest = await store.readTail(thread.id, { maxBytes: 10 });
    assert.deepEqual(idsOf(newest.events), idsOf([three]));
    assert.deepEqual(idsOf(newest.states), idsOf([a2, later]));
  });

  test('the end of a log may be read after an event, and before one', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    const state = stateOf('a', 1);
    const added = await store.appendEvents(thread.id, [
      state,
      ...[300, 300, 300, 300].map(messageOf),
    ]);
    const [, one, two, three, four] = added;
    assert.ok(one && two && three && four);
    const after = await store.readTail(thread.id, { after: one, maxBytes: 1000 * KB });
    assert.deepEqual([after.isCut, idsOf(after.events)], [false, idsOf([two, three, four])]);
    const cut = await store.readTail(thread.id, { after: one, maxBytes: 700 * KB });
    assert.deepEqual([cut.isCut, idsOf(cut.events)], [true, idsOf([three, four])]);
    assert.deepEqual(idsOf(cut.states), idsOf([state]), 'also one that is before the position');
    const before = await store.readTail(thread.id, { before: four, maxBytes: 700 * KB });
    assert.deepEqual([before.isCut, idsOf(before.events)], [true, idsOf([two, three])]);
  });

  test('a log of many pieces is read whole, and its states are found however old they are', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    const state = stateOf('a', 1);
    const many = Array.from({ length: 11_000 }, (_, n) => newEvent('comm.user_message', { n }));
    const added = await store.appendEvents(thread.id, [state, ...many]);
    assert.deepEqual(await eventsOf(store, thread.id, added[0]), added.slice(1));
    const end = await store.readTail(thread.id, { maxBytes: 10 });
    assert.deepEqual(idsOf(end.events), idsOf(added.slice(-1)));
    assert.deepEqual(idsOf(end.states), idsOf([state]));
  });

  test('accepting a run brings along the new events, unless they are many', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const half = FRESH_BYTES / KB / 2 + 1;
    const large = [messageOf(half), messageOf(half)];
    const many = Array.from({ length: FRESH_EVENTS + 1 }, () => question('?'));
    for (const [missed, brings] of [
      [many.slice(2), true],
      [many, false],
      [large.slice(1), true],
      [large, false],
    ] as const) {
      const { thread } = await store.openThread({ contactId: 'a' });
      const known = { threadId: thread.id, after: await lastOf(store, thread.id) };
      await store.appendEvents(thread.id, missed);
      const target = { kind: 'thread', threadId: thread.id } as const;
      const run = await user.accept('now', { thread: target, known });
      assert.equal(run.fresh?.events.length, brings ? missed.length + 1 : undefined);
      assert.equal((await eventsOf(store, thread.id)).length, missed.length + 2);
    }
  });
});

function messageOf(kilobytes: number): NewEvent {
  return question('x'.repeat(kilobytes * KB - 40));
}

function stateOf(name: string, value: number): NewEvent {
  return newEvent(`state.set.${name}`, { value });
}

function sizeOf({ data }: ThreadEvent): number {
  return Math.round(String(data['content']).length / KB);
}

function idsOf(events: readonly NewEvent[]): readonly string[] {
  return events.map(({ id }) => id);
}

async function lastOf(store: Store, threadId: string): Promise<ThreadEvent> {
  const last = (await eventsOf(store, threadId)).at(-1);
  assert.ok(last);
  return last;
}
