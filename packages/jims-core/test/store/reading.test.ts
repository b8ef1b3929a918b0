import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import type { EventPosition, Store, ThreadQuery } from '../../src/store/store.ts';
import { newEvent } from '../../src/thread/event.ts';
import type { ThreadEvent } from '../../src/thread/event.ts';
import { eventsOf, freshStore, threadsOf, untilClockTicks } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

describeStores((kind) => {
  test('threads are listed newest first, by contact, by external id, or all', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const ids: string[] = [];
    for (const [contactId, externalId] of [
      ['a', 'x'],
      ['b', 'y'],
      ['a', 'z'],
      ['a', undefined],
    ] as const) {
      await untilClockTicks();
      const spec = { contactId, ...(externalId !== undefined && { externalId }) };
      ids.push((await store.openThread(spec)).thread.id);
    }
    const [ax, by, az, a] = ids;
    const list = async (query: Partial<ThreadQuery>): Promise<readonly string[]> =>
      (await threadsOf(store, { limit: 10, ...query })).map((thread) => thread.id);
    assert.deepEqual(await list({}), [a, az, by, ax]);
    assert.deepEqual(await list({ contactId: 'a' }), [a, az, ax]);
    assert.deepEqual(await list({ externalId: 'y' }), [by]);
    assert.deepEqual(await list({ contactId: 'a', externalId: 'y' }), []);
    assert.deepEqual(await list({ limit: 1 }), [a]);
    assert.deepEqual(await list({ contactId: 'nobody' }), []);
  });

  test('pages of threads meet without a gap', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    for (let n = 0; n < 7; n++) await store.openThread({ contactId: n === 3 ? 'b' : 'a' });
    for (const query of [{}, { contactId: 'a' }]) {
      const all = await threadsOf(store, { limit: 100, ...query });
      const paged: string[] = [];
      let before: EventPosition | undefined;
      for (;;) {
        const page = await threadsOf(store, { limit: 2, ...query, ...(before && { before }) });
        paged.push(...page.map((thread) => thread.id));
        const last = page.at(-1);
        if (!last) break;
        before = { createdAt: last.lastEventAt, id: last.id };
      }
      assert.deepEqual(
        paged,
        all.map((thread) => thread.id),
      );
    }
  });

  test('pages of events meet without a gap, of all domains or of some', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    const types = ['comm.a', 'rag.b', 'state.set.x', 'comm.c.d', 'communal.e', 'plain', 'rag.f'];
    await store.appendEvents(
      thread.id,
      types.map((type) => newEvent(type, {})),
    );
    const all = (await eventsOf(store, thread.id)).map((event) => event.type);
    for (const limit of [1, 2, 3, 100]) {
      assert.deepEqual(await pagedTypes(store, thread.id, { limit }), all);
      const comm = await pagedTypes(store, thread.id, { limit, domains: ['comm'] });
      assert.deepEqual(comm, ['comm.a', 'comm.c.d']);
      const two = await pagedTypes(store, thread.id, { limit, domains: ['rag', 'plain'] });
      assert.deepEqual(two, ['rag.b', 'plain', 'rag.f']);
    }
    assert.deepEqual(await pagedTypes(store, thread.id, { limit: 9, domains: ['nothing'] }), []);
    assert.deepEqual(await pagedTypes(store, thread.id, { limit: 9, domains: [] }), []);
    assert.deepEqual(await pagedTypes(store, randomUUID(), { limit: 9 }), []);
  });
});

async function pagedTypes(
  store: Store,
  threadId: string,
  page: { limit: number; domains?: readonly string[] },
): Promise<readonly string[]> {
  const found: ThreadEvent[] = [];
  for (;;) {
    const after = found.at(-1);
    const next = await store.pageEvents(threadId, { ...page, ...(after && { after }) });
    assert.ok(next.events.length <= page.limit);
    found.push(...next.events);
    if (!next.more) return found.map((event) => event.type);
  }
}
