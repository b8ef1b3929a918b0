import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EventLog } from '../../src/run/event-log.ts';
import type { RunEvents } from '../../src/run/event-log.ts';
import type { NumberedRunEvent } from '../../src/run/run-events.ts';

const STATUS = { type: 'status', status: { message: 'thinking', statusType: 'info' } } as const;
const END = { type: 'result', result: { startEvents: [], events: [] } } as const;
/** More than a listener may be late without getting joined deltas. */
const MANY = 100;

function delta(text: string, messageId = 'm'): { type: 'delta'; messageId: string; delta: string } {
  return { type: 'delta', messageId, delta: text };
}

function streamOf(...texts: readonly string[]): EventLog {
  const stream = new EventLog(1);
  for (const text of texts) stream.push(delta(text));
  return stream;
}

/** What is there, as positions and text. */
function takeAll(events: RunEvents): string[] {
  const taken: string[] = [];
  for (let event = events.takeReady(); event; event = events.takeReady())
    taken.push(inWords(event));
  return taken;
}

function inWords(event: NumberedRunEvent): string {
  const what = event.type === 'delta' ? event.delta : event.type;
  return `${event.attempt}.${event.seq} ${what}`;
}

test('what is there is taken at once, what comes later is waited for', async () => {
  const stream = streamOf('a');
  const events = stream.listen();
  assert.deepEqual(takeAll(events), ['1.1 a']);
  const next = events.next();
  stream.push(STATUS);
  stream.push(END);
  assert.equal((await next).value?.type, 'status');
  assert.deepEqual(takeAll(events), ['1.3 result']);
  assert.equal((await events.next()).done, true);
});

test('each listener gets every event, whenever it comes', async () => {
  const stream = streamOf('a');
  const early = Array.fromAsync(stream.listen());
  stream.push(delta('b'));
  const late = Array.fromAsync(stream.listen());
  stream.push(END);
  stream.push(delta('after the end'));
  const all = ['1.1 a', '1.2 b', '1.3 result'];
  assert.deepEqual((await early).map(inWords), all);
  assert.deepEqual((await late).map(inWords), all);
});

test('a listener that joins gets what it missed as one delta, then each by itself', () => {
  const stream = streamOf('a', 'b', 'c', 'd');
  const events = stream.listen({ after: { attempt: 1, seq: 1 } });
  assert.deepEqual(takeAll(events), ['1.4 bcd']);
  stream.push(delta('e'));
  stream.push(delta('f'));
  assert.deepEqual(takeAll(events), ['1.5 e', '1.6 f']);
});

test('deltas of different messages are not joined', () => {
  const stream = streamOf('a', 'b');
  stream.push(delta('c', 'other'));
  const events = stream.listen({ after: { attempt: 1, seq: 0 } });
  assert.deepEqual(takeAll(events), ['1.2 ab', '1.3 c']);
});

test('what a model thinks is joined as text is, and not with it', () => {
  const stream = new EventLog(1);
  for (const text of ['a', 'b']) stream.push({ ...delta(text), type: 'reasoning' });
  for (const text of ['c', 'd']) stream.push(delta(text));
  const events = stream.listen({ after: { attempt: 1, seq: 0 } });
  const types: string[] = [];
  for (let event = events.takeReady(); event; event = events.takeReady()) {
    if (event.type === 'reasoning' || event.type === 'delta') {
      types.push(`${event.seq} ${event.type} ${event.delta}`);
    }
  }
  assert.deepEqual(types, ['2 reasoning ab', '4 delta cd']);
  assert.ok(stream.toldMore);
});

test('a listener that is far behind gets joined deltas, a piecemeal one never', () => {
  const stream = streamOf();
  const [whole, piecemeal] = [stream.listen(), stream.listen({ piecemeal: true })];
  for (let n = 0; n < MANY; n++) stream.push(delta('x'));
  assert.deepEqual(takeAll(whole), [`1.${MANY} ${'x'.repeat(MANY)}`]);
  assert.equal(takeAll(piecemeal).length, MANY);
});

test('joined deltas are no longer than a piece may be', () => {
  const stream = streamOf('x'.repeat(6000), 'y'.repeat(6000), 'z');
  const events = stream.listen({ after: { attempt: 1, seq: 0 } });
  assert.deepEqual(
    takeAll(events).map((event) => event.length),
    ['1.1 '.length + 6000, '1.3 '.length + 6001],
  );
});

test('events that a listener has are left out, also when they come late', () => {
  const stream = new EventLog(1);
  const events = stream.listen({ after: { attempt: 1, seq: 3 } });
  assert.deepEqual(takeAll(events), []);
  for (let seq = 1; seq <= 4; seq++) {
    stream.pushNumbered({ ...delta(String(seq)), attempt: 1, seq });
  }
  assert.deepEqual(takeAll(events), ['1.4 4']);
});

test('an end with a position that a listener has not seen is always given', () => {
  const stream = streamOf('a');
  stream.push(END);
  assert.deepEqual(takeAll(stream.listen({ after: { attempt: 1, seq: 9 } })), ['1.2 result']);
  assert.deepEqual(takeAll(stream.listen({ after: { attempt: 1, seq: 2 } })), []);
});

test('after a restart only the new attempt is heard', () => {
  const stream = streamOf('a');
  const listening = stream.listen();
  assert.deepEqual(takeAll(listening), ['1.1 a']);
  stream.restart(2);
  stream.push(delta('b'));
  assert.deepEqual(takeAll(listening), ['2.0 restarted', '2.1 b']);
  assert.deepEqual(takeAll(stream.listen()), ['2.1 b']);
  const joined = stream.listen({ after: { attempt: 1, seq: 1 } });
  assert.deepEqual(takeAll(joined), ['2.0 restarted', '2.1 b']);
});

test('a listener that returns hears nothing more', async () => {
  const stream = streamOf('a', 'b');
  const events = stream.listen();
  for await (const event of events) {
    assert.equal(event.seq, 1);
    break;
  }
  assert.deepEqual(takeAll(events), []);
  assert.equal((await events.next()).done, true);
});

test('a listener that returns while it waits gets nothing, not even what comes', async () => {
  const stream = streamOf();
  const events = stream.listen();
  const next = events.next();
  await events.return();
  stream.push(STATUS);
  assert.equal((await next).done, true);
});
