import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EventLog } from '../../src/run/event-log.ts';
import { fromProgress, toProgress } from '../../src/run/progress-rows.ts';
import { ProgressWriter } from '../../src/run/progress.ts';
import type { NumberedRunEvent } from '../../src/run/run-events.ts';
import type { RunOwnProgress } from '../../src/store/store.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { newEvent } from '../../src/thread/event.ts';

const ATTEMPT = 2;
const OWNER = { runId: 'r', attempt: ATTEMPT, threadId: 't', instanceId: 'i' };

test('the pieces of a message that follow each other are one row, and are read as they were', () => {
  const { stream, events } = talk();
  const rows = toProgress(events);
  assert.deepEqual(
    rows.map(({ seq, event }) => [seq, event['type']]),
    [
      [1, 'status'],
      [3, 'delta'],
      [4, 'delta'],
      [5, 'delta'],
      [6, 'event'],
    ],
  );
  assert.deepEqual(
    rows.flatMap((row) => fromProgress(row, ATTEMPT)),
    events,
  );
  assert.equal(stream.lastSeq, events.length);
});

test('what a message has beside its text is read as it was', () => {
  const stream = new EventLog(ATTEMPT);
  const messageId = 'a';
  stream.push({ type: 'reasoning', messageId, delta: 'I ' });
  stream.push({ type: 'reasoning', messageId, delta: 'think' });
  stream.push({ type: 'delta', messageId, delta: 'Hello' });
  const call = { id: 'c', name: 'find', title: 'Looking' } as const;
  stream.push({ type: 'tool', messageId, tool: { ...call, status: 'running', input: { n: 1 } } });
  stream.push({ type: 'tool', messageId, tool: { ...call, status: 'failed', error: 'no' } });
  stream.push({ type: 'source', messageId, source: { url: 'https://a.example', title: 'A' } });
  const file = { file_id: 'f', name: 'a.png', media_type: 'image/png', size: 3 };
  stream.push({ type: 'file', messageId, file });
  const events = stream.since(0);
  const stored: typeof events = JSON.parse(JSON.stringify(events));
  const rows = toProgress(stored);
  assert.equal(rows.length, events.length - 1);
  assert.deepEqual(
    rows.flatMap((row) => fromProgress(row, ATTEMPT)),
    events,
  );
});

test('a row that another version wrote is left out', () => {
  assert.deepEqual(fromProgress({ seq: 1, event: { type: 'thought' } }, 1), []);
});

test('a run that streamed text leaves the rest of its events, a quick one leaves nothing', () => {
  const writer = new ProgressWriter({ appendProgress: async () => {} }, silentLogger);
  const { stream, events } = talk();
  writer.add(stream, OWNER);
  assert.deepEqual(writer.rest(stream, OWNER), toProgress(events));
  const quick = new EventLog(1);
  quick.push({ type: 'status', status: { message: 'Thinking', statusType: 'status' } });
  const owner = { ...OWNER, runId: 'quick' };
  writer.add(quick, owner);
  assert.deepEqual(writer.rest(quick, owner), []);
  writer.close();
});

test('the end of an attempt that was taken for dead leaves the progress of the next one', async () => {
  const { promise: appended, resolve } = Promise.withResolvers<readonly RunOwnProgress[]>();
  const writer = new ProgressWriter({ appendProgress: async (all) => resolve(all) }, silentLogger);
  const { stream, events } = talk();
  const earlier = { ...OWNER, attempt: ATTEMPT - 1 };
  writer.add(new EventLog(earlier.attempt), earlier);
  writer.add(stream, OWNER);
  writer.remove(earlier);
  // The writer's own timer keeps no process alive.
  const waiting = setTimeout(() => resolve([]), 5000);
  assert.deepEqual(await appended, [{ owner: OWNER, progress: toProgress(events) }]);
  clearTimeout(waiting);
  writer.close();
});

function talk(): { readonly stream: EventLog; readonly events: readonly NumberedRunEvent[] } {
  const stream = new EventLog(ATTEMPT);
  stream.push({ type: 'status', status: { message: 'Thinking', statusType: 'status' } });
  stream.push({ type: 'delta', messageId: 'a', delta: 'Hel' });
  stream.push({ type: 'delta', messageId: 'a', delta: 'lo' });
  stream.push({ type: 'delta', messageId: 'b', delta: 'Oh' });
  stream.push({ type: 'delta', messageId: 'a', delta: '!' });
  stream.push({ type: 'event', event: newEvent('comm.assistant_message', { content: 'Hello!' }) });
  return { stream, events: stream.since(0) };
}
