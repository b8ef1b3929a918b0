import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SEQ_OF_LOST_END } from '../../src/run/run-events.ts';
import type { NumberedRunEvent } from '../../src/run/run-events.ts';
import { endOfRecord, storedRun } from '../../src/run/stored-run.ts';
import type { RunRecord } from '../../src/store/store.ts';
import type { ThreadEvent } from '../../src/thread/event.ts';

const EVENT: ThreadEvent = {
  id: 'e',
  threadId: 't',
  type: 'comm.assistant_message',
  data: { role: 'assistant', content: 'Hello' },
  createdAt: '2026-01-01T00:00:00.000001Z',
};

test('a record says how its run ended', () => {
  assert.equal(endOfRecord(record({ status: 'queued' })), undefined);
  assert.equal(endOfRecord(record({ status: 'running' })), undefined);
  assert.deepEqual(endOfRecord(record({ events: [EVENT] })), {
    type: 'result',
    result: { startEvents: [], events: [EVENT] },
  });
});

test('codes and reasons of another version are read as the most general ones', () => {
  const failed = (code: string): unknown => {
    const end = endOfRecord(record({ status: 'failed', error: { code, message: 'm' } }));
    return end?.type === 'error' && end.error.code;
  };
  assert.deepEqual(['lost', 'deadline', 'store_unavailable'].map(failed), [
    'lost',
    'deadline',
    'store_unavailable',
  ]);
  assert.equal(failed('of tomorrow'), 'pipeline_failed');
  const cancelled = (code: string): unknown => {
    const end = endOfRecord(record({ status: 'cancelled', error: { code, message: 'm' } }));
    return end?.type === 'cancelled' && end.reason;
  };
  assert.equal(cancelled('disconnected'), 'disconnected');
  assert.equal(cancelled('of tomorrow'), 'cancelled');
});

test('without progress the events of a run have their positions if nothing else was sent', async () => {
  assert.deepEqual(await positionsOf(record({ events: [EVENT], lastSeq: 2 })), [
    ['event', 1],
    ['result', 2],
  ]);
  assert.deepEqual(await positionsOf(record({ events: [EVENT], lastSeq: 7 })), [['result', 7]]);
});

test('the end of a lost run comes after everything, as nobody knows how much it sent', async () => {
  const lost = record({
    status: 'failed',
    error: { code: 'lost', message: 'm' },
    lastSeq: undefined,
  });
  const delta = { type: 'delta', messageId: 'm', delta: 'Hel', attempt: 1, seq: 5 } as const;
  assert.deepEqual(await positionsOf(lost, [delta]), [
    ['delta', 5],
    ['error', SEQ_OF_LOST_END],
  ]);
});

async function positionsOf(
  of: RunRecord,
  progress: readonly NumberedRunEvent[] = [],
): Promise<readonly (readonly [string, number])[]> {
  const end = endOfRecord(of);
  assert.ok(end);
  const events = await Array.fromAsync(storedRun(of, end, progress).listen());
  return events.map(({ type, seq }) => [type, seq]);
}

function record(parts: Partial<RunRecord>): RunRecord {
  return {
    runId: 'r',
    thread: { id: 't', contactId: 'c', externalId: undefined, createdAt: '', config: {} },
    instanceId: 'i',
    status: 'completed',
    withdrawnAs: undefined,
    attempt: 1,
    createdThread: false,
    acceptedAt: '',
    startedAt: '',
    finishedAt: '',
    incoming: undefined,
    startEvents: [],
    events: [],
    error: undefined,
    usage: undefined,
    lastSeq: 1,
    chainId: 'r',
    continues: undefined,
    question: undefined,
    durable: false,
    ...parts,
  };
}
