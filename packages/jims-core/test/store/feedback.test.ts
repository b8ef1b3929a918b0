import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Feedback, FeedbackQuery, FeedbackRecord, Store } from '../../src/store/store.ts';
import { newEvent } from '../../src/thread/event.ts';
import { FEEDBACK_GIVEN, FEEDBACK_WITHDRAWN } from '../../src/thread/message.ts';
import { answer, eventsOf, freshStore, question } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

describeStores((kind) => {
  test('feedback is an event of the thread, and the last one counts', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const message = answer('42');
    const { thread } = await store.openThread({ contactId: 'a' });
    await store.appendEvents(thread.id, [question('?'), message]);
    const full = { value: 'down', comment: 'No ü "quotes" \n', tags: ['wrong', 'ü'] } as const;
    const given: (Feedback | undefined)[] = [
      { value: 'up' },
      { value: 'up' },
      full,
      full,
      { value: 'down' },
      undefined,
      undefined,
    ];
    const results: string[] = [];
    const counted: (readonly unknown[])[] = [];
    for (const feedback of given) {
      results.push(await store.setFeedback(thread.id, message.id, feedback));
      counted.push(
        (await listed(store, {})).map(({ value, comment, tags }) => [value, comment, tags]),
      );
    }
    const [changed, unchanged] = ['changed', 'unchanged'];
    assert.deepEqual(results, [
      changed,
      unchanged,
      changed,
      unchanged,
      changed,
      changed,
      unchanged,
    ]);
    const up = ['up', undefined, undefined];
    const down = ['down', full.comment, full.tags];
    const plain = ['down', undefined, undefined];
    assert.deepEqual(counted, [[up], [up], [down], [down], [plain], [], []]);
    const log = (await eventsOf(store, thread.id)).filter(({ type }) =>
      type.startsWith('feedback.'),
    );
    const message_id = message.id;
    assert.deepEqual(
      log.map(({ type, data }) => [type, data]),
      [
        [FEEDBACK_GIVEN, { message_id, value: 'up' }],
        [FEEDBACK_GIVEN, { message_id, ...full }],
        [FEEDBACK_GIVEN, { message_id, value: 'down' }],
        [FEEDBACK_WITHDRAWN, { message_id }],
      ],
    );
  });

  test('feedback is for messages by the assistant alone', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    const other = await store.openThread({ contactId: 'a' });
    const events = [question('?'), newEvent('context.x', { role: 'assistant', content: '' })];
    const foreign = answer('of another thread');
    await store.appendEvents(thread.id, events);
    await store.appendEvents(other.thread.id, [foreign]);
    const ids = [...events, foreign].map(({ id }) => id);
    for (const id of [...ids, randomUUID(), 'no-uuid', '']) {
      await assert.rejects(store.setFeedback(thread.id, id, { value: 'up' }), {
        code: 'message_not_found',
      });
    }
    for (const id of [randomUUID(), 'no-uuid']) {
      await assert.rejects(store.setFeedback(id, foreign.id, { value: 'up' }), {
        code: 'thread_not_found',
      });
    }
    assert.deepEqual(await listed(store, {}), []);
    assert.equal((await eventsOf(store, thread.id)).length, 3);
  });

  test('feedback is listed oldest first, in pages, by thread and value, until its thread is erased', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const threads: string[] = [];
    for (const contactId of ['a', 'b']) {
      const { thread } = await store.openThread({ contactId });
      threads.push(thread.id);
      const messages = Array.from({ length: 4 }, (_, n) => answer(String(n)));
      await store.appendEvents(thread.id, messages);
      for (const [n, { id }] of messages.entries()) {
        await store.setFeedback(thread.id, id, {
          value: n % 2 === 0 ? 'up' : 'down',
          comment: `${contactId}${n}`,
        });
      }
      // Within a millisecond, times of two threads say nothing of their order.
      await sleep(2);
    }
    const [threadId = '', other = ''] = threads;
    const comments = async (query: Omit<FeedbackQuery, 'limit'>): Promise<readonly unknown[]> =>
      (await listed(store, query)).map(({ comment }) => comment);
    assert.deepEqual(await comments({}), ['a0', 'a1', 'a2', 'a3', 'b0', 'b1', 'b2', 'b3']);
    assert.deepEqual(await comments({ value: 'down' }), ['a1', 'a3', 'b1', 'b3']);
    assert.deepEqual(await comments({ threadId }), ['a0', 'a1', 'a2', 'a3']);
    assert.deepEqual(await comments({ threadId, value: 'up' }), ['a0', 'a2']);
    assert.deepEqual(await comments({ threadId: 'no-uuid' }), []);
    const [first] = await listed(store, { threadId });
    assert.equal(first?.threadId, threadId);
    assert.match(first.at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    await store.deleteThreads({ threadId });
    assert.deepEqual(await comments({}), ['b0', 'b1', 'b2', 'b3']);
    await store.deleteThreads({ threadId: other });
    assert.deepEqual(await comments({}), []);
  });
});

/** A list of feedback, read in pages of two. */
async function listed(
  store: Store,
  query: Omit<FeedbackQuery, 'limit'>,
): Promise<readonly FeedbackRecord[]> {
  const found: FeedbackRecord[] = [];
  for (;;) {
    const after = found.at(-1);
    const page = await store.listFeedback({ limit: 2, ...query, ...(after && { after }) });
    assert.ok(page.feedback.length <= 2);
    found.push(...page.feedback);
    if (!page.more) return found;
  }
}
