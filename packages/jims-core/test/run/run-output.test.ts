import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EventLog } from '../../src/run/event-log.ts';
import { RunOutput } from '../../src/run/run-output.ts';
import { newEvent } from '../../src/thread/event.ts';
import type { NewEvent } from '../../src/thread/event.ts';

const MAX_BYTES = 10_000;

test('the user has seen whole messages, then the pieces of unfinished ones', () => {
  const output = new RunOutput(new EventLog(1), MAX_BYTES).current;
  output.event(newEvent('rag.found', { documents: 1 }));
  output.piece({ type: 'delta', messageId: 'a', delta: 'Hel' });
  output.piece({ type: 'delta', messageId: 'b', delta: 'done' });
  output.event(message('done', 'b'));
  output.piece({ type: 'delta', messageId: 'a', delta: 'lo' });
  const seen = output.seen().map(({ id, data }) => [id, data['content'], data['partial']]);
  assert.deepEqual(seen, [
    ['b', 'done', undefined],
    ['a', 'Hello', true],
  ]);
});

test('what a pipeline sends after its events are stored reaches the listeners alone', () => {
  const stream = new EventLog(1);
  const output = new RunOutput(stream, MAX_BYTES);
  const first = output.current;
  first.event(message('Welcome'));
  first.piece({ type: 'delta', messageId: 'a', delta: 'given ' });
  output.startNext();
  first.piece({ type: 'delta', messageId: 'a', delta: 'up' });
  first.event(message('meanwhile'));
  output.current.event(message('answer'));
  assert.equal(stream.lastSeq, 5);
  assert.deepEqual(contents(first.sent), ['Welcome', 'meanwhile']);
  assert.deepEqual(contents(output.current.sent), ['answer']);
  assert.deepEqual(contents(output.current.seen()), ['answer']);
});

test('a run sends no more than it may, also of what is empty', () => {
  const output = new RunOutput(new EventLog(1), 1000);
  for (let n = 0; n < 10; n++) output.current.piece({ type: 'delta', messageId: 'a', delta: '' });
  assert.equal(output.sentBytes, 1000);
  const status = { message: '', statusType: '' };
  assert.throws(() => output.current.status(status), { code: 'pipeline_failed' });
});

test('nothing is sent after the run', () => {
  const output = new RunOutput(new EventLog(1), MAX_BYTES);
  output.close();
  assert.throws(() => output.current.event(message('late')), { code: 'run_over' });
  assert.deepEqual(output.current.sent, []);
});

function contents(events: readonly NewEvent[]): readonly unknown[] {
  return events.map(({ data }) => data['content']);
}

function message(content: string, id?: string): NewEvent {
  return newEvent('comm.assistant_message', { role: 'assistant', content }, id);
}
