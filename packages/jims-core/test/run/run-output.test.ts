import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RunOutput } from '../../src/run/run-output.ts';
import { RunStream } from '../../src/run/run-stream.ts';
import { newEvent } from '../../src/thread/event.ts';
import type { NewEvent } from '../../src/thread/event.ts';

const MAX_BYTES = 10_000;

test('the user has seen whole messages, then the pieces of unfinished ones', () => {
  const output = new RunOutput(new RunStream(1), MAX_BYTES);
  output.event(newEvent('rag.found', { documents: 1 }));
  output.delta({ messageId: 'a', delta: 'Hel' });
  output.delta({ messageId: 'b', delta: 'done' });
  output.event(message('done', 'b'));
  output.delta({ messageId: 'a', delta: 'lo' });
  const seen = output.seen().map(({ id, data }) => [id, data['content'], data['partial']]);
  assert.deepEqual(seen, [
    ['b', 'done', undefined],
    ['a', 'Hello', true],
  ]);
});

test('what is stored is not stored again', () => {
  const output = new RunOutput(new RunStream(1), MAX_BYTES);
  output.event(message('Welcome'));
  output.delta({ messageId: 'a', delta: 'given up' });
  output.event(message('meanwhile'));
  output.markStored(1);
  assert.deepEqual(
    output.sent.map(({ data }) => data['content']),
    ['meanwhile'],
  );
  assert.deepEqual(
    output.seen().map(({ data }) => data['content']),
    ['meanwhile'],
  );
});

test('a run sends no more than it may, also of what is empty', () => {
  const output = new RunOutput(new RunStream(1), 1000);
  for (let n = 0; n < 10; n++) output.delta({ messageId: 'a', delta: '' });
  assert.equal(output.sentBytes, 1000);
  const status = { message: '', statusType: '' };
  assert.throws(() => output.status(status), { code: 'pipeline_failed' });
});

test('nothing is sent after the run', () => {
  const output = new RunOutput(new RunStream(1), MAX_BYTES);
  output.close();
  assert.throws(() => output.event(message('late')), { code: 'run_over' });
  assert.deepEqual(output.sent, []);
});

test('pending work is waited for, and its first error is that of the run', async () => {
  const output = new RunOutput(new RunStream(1), MAX_BYTES);
  const [first, second] = [new Error('first'), new Error('second')];
  output.pending(Promise.resolve());
  output.pending(Promise.reject(first));
  output.pending(Promise.reject(second));
  await assert.rejects(output.settled(), first);
});

function message(content: string, id?: string): NewEvent {
  return newEvent('comm.assistant_message', { role: 'assistant', content }, id);
}
