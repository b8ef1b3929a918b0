import assert from 'node:assert/strict';
import { test } from 'node:test';

import { JimsError } from '../../src/errors/jims-error.ts';
import { EventLog } from '../../src/run/event-log.ts';
import { RecentRuns } from '../../src/run/recent-runs.ts';
import { Run } from '../../src/run/run.ts';

const MIB = 1024 * 1024;

test('runs that are over are kept, the newest of them, as far as there is room', () => {
  const recent = new RecentRuns();
  for (const id of ['a', 'b', 'c', 'd', 'e']) recent.add(...ended(id, 't'), MIB / 2);
  assert.deepEqual(
    ['a', 'b', 'c', 'd', 'e'].map((id) => recent.get(id)?.id),
    [undefined, undefined, 'c', 'd', 'e'],
  );
});

test('a thread that is deleted takes its runs along', () => {
  const recent = new RecentRuns();
  recent.add(...ended('a', 'one'), 0);
  recent.add(...ended('b', 'other'), 0);
  recent.drop('one');
  assert.equal(recent.get('a'), undefined);
  assert.equal(recent.get('b')?.id, 'b');
});

test('a failed run is kept without what its pipeline threw', async () => {
  const recent = new RecentRuns();
  const thrown = Object.assign(new TypeError('broken'), { huge: ['x'] });
  const error = new JimsError('pipeline_failed', 'Pipeline error', { cause: thrown });
  const [run, stream] = running('a', 't');
  stream.push({ type: 'delta', messageId: 'm', delta: 'Hel' });
  stream.push({ type: 'error', error });
  recent.add(run, stream, 3);
  const kept = recent.get('a');
  assert.ok(kept);
  const [delta, end] = await Array.fromAsync(kept.listen());
  assert.equal(delta?.type, 'delta');
  assert.ok(end?.type === 'error');
  assert.deepEqual([end.attempt, end.seq], [1, 2]);
  assert.equal(end.error.code, 'pipeline_failed');
  assert.equal(end.error.stack, error.stack);
  assert.ok(end.error.cause instanceof Error);
  assert.equal(end.error.cause.message, 'broken');
  assert.notEqual(end.error.cause, thrown);
  assert.equal('huge' in end.error.cause, false);
});

test('a run that is over cannot be stopped by its late readers', () => {
  const recent = new RecentRuns();
  let cancelled = 0;
  const stream = new EventLog(1);
  const control = { attach: () => () => cancelled++, cancel: () => void cancelled++ };
  const run = new Run({ runId: 'a', thread: thread('t'), createdThread: true }, stream, control);
  stream.push({ type: 'cancelled', reason: 'cancelled', events: [] });
  recent.add(run, stream, 0);
  const kept = recent.get('a');
  kept?.cancel();
  kept?.attach('cancel')();
  assert.equal(cancelled, 0);
  assert.equal(kept?.createdThread, true);
});

function ended(id: string, threadId: string): readonly [Run, EventLog] {
  const [run, stream] = running(id, threadId);
  stream.push({ type: 'result', result: { startEvents: [], events: [] } });
  return [run, stream];
}

function running(id: string, threadId: string): readonly [Run, EventLog] {
  const stream = new EventLog(1);
  return [new Run({ runId: id, thread: thread(threadId), createdThread: false }, stream), stream];
}

function thread(id: string): Run['thread'] {
  const createdAt = '2026-01-01T00:00:00Z';
  return { id, contactId: 'c', externalId: undefined, createdAt, config: {} };
}
