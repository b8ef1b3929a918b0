import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readTail } from '../../src/store/read-tail.ts';
import type { TailSource } from '../../src/store/read-tail.ts';
import type { ThreadEvent } from '../../src/thread/event.ts';

const LOG: readonly ThreadEvent[] = ['state.set.a', 'rag.b', 'rag.c', 'rag.d'].map((type, n) => ({
  id: `e${n}`,
  threadId: 't',
  createdAt: `2026-11-24T01:02:03.00000${n}Z`,
  type,
  data: {},
}));

/** A log whose events have 10 bytes each, and which gives two of them at a time at most. */
const SOURCE: TailSource = {
  newest({ before, maxBytes }) {
    const older = before
      ? LOG.slice(
          0,
          LOG.findIndex(({ id }) => id === before.id),
        )
      : LOG;
    const count = Math.max(1, Math.min(2, Math.floor(maxBytes / 10)));
    const events = older.slice(-count).toReversed();
    return { events, bytes: 10 * events.length, more: older.length > events.length };
  },
  statesBefore: (before, except) =>
    Promise.resolve(
      LOG.filter(({ id, type }) => id < before.id && type.startsWith('state') && !except.has(type)),
    ),
};

test('a log that fits is read whole, piece by piece, and in order', async () => {
  assert.deepEqual(await readTail(SOURCE, { maxBytes: 40 }), {
    events: LOG,
    isCut: false,
    states: [],
  });
});

test('of a log that does not fit come the newest events and the states before them', async () => {
  assert.deepEqual(await readTail(SOURCE, { maxBytes: 35 }), {
    events: LOG.slice(1),
    isCut: true,
    states: LOG.slice(0, 1),
  });
});

test('the newest event comes in any case', async () => {
  const { events, isCut } = await readTail(SOURCE, { maxBytes: 1 });
  assert.deepEqual(events, LOG.slice(3));
  assert.equal(isCut, true);
});
