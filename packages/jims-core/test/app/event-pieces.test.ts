import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventPieces, piecesOf } from '../../src/app/event-pieces.ts';
import type { EventPage } from '../../src/store/store.ts';
import type { ThreadEvent } from '../../src/thread/event.ts';

test('pieces are read until there is no more, also after a piece without events', async () => {
  const pages = [
    { events: [event('a')], last: event('b'), more: true },
    { events: [], last: undefined, more: true },
    { events: [event('c')], last: event('c'), more: false },
  ];
  const requests: EventPage[] = [];
  const store = {
    async pageEvents(_: string, page: EventPage) {
      requests.push(page);
      const next = pages[requests.length - 1];
      assert.ok(next);
      return next;
    },
  };
  const pieces = await Array.fromAsync(eventPieces(store, 't', { domains: ['comm'] }));
  assert.deepEqual(
    pieces.map(({ events }) => events.map(({ id }) => id)),
    [['a'], [], ['c']],
  );
  assert.deepEqual(
    requests.map(({ after, domains }) => [after?.id, domains]),
    [
      [undefined, ['comm']],
      ['b', ['comm']],
      ['b', ['comm']],
    ],
  );
});

test('events in memory come in pieces, too, and no events as one', async () => {
  const many = Array.from({ length: 1001 }, (_, n) => event(String(n)));
  const pieces = await Array.fromAsync(piecesOf(many));
  assert.deepEqual(
    pieces.map(({ length }) => length),
    [500, 500, 1],
  );
  assert.deepEqual(pieces.flat(), many);
  assert.deepEqual(await Array.fromAsync(piecesOf([])), [[]]);
});

function event(id: string): ThreadEvent {
  return {
    id,
    threadId: 't',
    type: 'comm.user_message',
    data: {},
    createdAt: '2026-01-01T00:00:00Z',
  };
}
