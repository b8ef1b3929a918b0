import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ThreadLog } from '../../src/pipeline/thread-log.ts';
import type { ThreadEvent } from '../../src/thread/event.ts';

test('a log stays as it was when its list grows', () => {
  const list = [event('a'), event('b')];
  const log = new ThreadLog(list);
  list.push(event('c'));
  assert.deepEqual(idsOf(log), ['a', 'b']);
  assert.deepEqual(
    [...log.backwards()].map(({ id }) => id),
    ['b', 'a'],
  );
  assert.equal(
    log.findLast(({ id }) => id === 'c'),
    undefined,
  );
  assert.equal(log.isCut, false);
});

test('of what is cut off a log has the states, before its events', () => {
  const log = new ThreadLog([event('c')], { states: [event('a'), event('b')] });
  assert.ok(log.isCut);
  assert.deepEqual(idsOf(log), ['a', 'b', 'c']);
  assert.equal(log.findLast(() => true)?.id, 'c');
  assert.equal(log.findLast(({ id }) => id < 'c')?.id, 'b');
});

test('an event can be moved to the end', () => {
  const [a, b] = [event('a'), event('b')];
  const log = new ThreadLog([a, b], { states: [event('s')] });
  assert.deepEqual(idsOf(log.withLast(a.id)), ['s', 'b', 'a']);
  assert.deepEqual(idsOf(log), ['s', 'a', 'b']);
});

function idsOf({ events }: ThreadLog): readonly string[] {
  return events.map(({ id }) => id);
}

function event(id: string): ThreadEvent {
  return {
    id,
    threadId: 't',
    type: 'comm.user_message',
    data: {},
    createdAt: '2026-01-01T00:00:00Z',
  };
}
