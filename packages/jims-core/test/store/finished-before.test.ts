import assert from 'node:assert/strict';
import { test } from 'node:test';

import { finishedBefore } from '../../src/store/finished-before.ts';
import type { RunOutcomeRecord, RunOwner, RunRecord } from '../../src/store/store.ts';

const EVENT = { id: 'e1', type: 'comm.assistant_message', data: { content: 'Hi' } };
const OWNER: RunOwner = { runId: 'r', attempt: 2, threadId: 't', instanceId: 'i' };
const OUTCOME: RunOutcomeRecord = { status: 'completed', events: [EVENT], lastSeq: 3 };
const RECORD: RunRecord = {
  runId: 'r',
  thread: { id: 't', contactId: 'c', externalId: undefined, createdAt: '', config: {} },
  instanceId: 'i',
  status: 'completed',
  withdrawnAs: undefined,
  attempt: 2,
  createdThread: false,
  acceptedAt: '',
  startedAt: '',
  finishedAt: '',
  incoming: undefined,
  startEvents: [],
  events: [{ ...EVENT, threadId: 't', createdAt: '2026-11-24T01:02:03.000004Z' }],
  error: undefined,
  usage: undefined,
  lastSeq: 3,
  chainId: 'r',
  continues: undefined,
  question: undefined,
  durable: false,
};

test('an owner that ends its run in the same way once more gets the events that are stored', () => {
  assert.deepEqual(finishedBefore(RECORD, OWNER, OUTCOME), {
    kind: 'finished',
    events: RECORD.events,
    next: undefined,
  });
});

test('another owner, another attempt, and another outcome are fenced', () => {
  const fenced = { kind: 'fenced' };
  assert.deepEqual(finishedBefore(undefined, OWNER, OUTCOME), fenced);
  for (const owner of [
    { ...OWNER, attempt: 1 },
    { ...OWNER, instanceId: 'other' },
  ]) {
    assert.deepEqual(finishedBefore(RECORD, owner, OUTCOME), fenced);
  }
  const outcomes: RunOutcomeRecord[] = [
    { ...OUTCOME, status: 'failed', error: { code: 'internal', message: '' } },
    { ...OUTCOME, error: { code: 'internal', message: '' } },
    { ...OUTCOME, events: [] },
    { ...OUTCOME, events: [{ ...EVENT, id: 'e2' }] },
    { ...OUTCOME, lastSeq: 4 },
  ];
  for (const outcome of outcomes) {
    assert.deepEqual(finishedBefore(RECORD, OWNER, outcome), fenced);
  }
});
