import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { JimsError } from 'jims-core';
import type { NumberedRunEvent, RunEvent, ThreadEvent } from 'jims-core';

import { plainTextEvents, textEvents } from '../../src/chat/text-stream.ts';
import type { Listenable, TextEvent, TextOptions } from '../../src/chat/text-stream.ts';

const RESTARTED = { type: 'restarted', attempt: 2, seq: 0 } as const;

test('a run that runs again after something was sent ends with an error: read it again', async () => {
  const events = await Array.fromAsync(
    textEvents(runOf([delta(1, 1, 'a'), RESTARTED, delta(2, 1, 'b'), result(2, 2)])),
  );
  const types = events.map(({ type }) => type);
  assert.deepEqual(types, ['text_start', 'text_delta', 'error']);
  const end = events.at(-1);
  assert.equal(end?.type === 'error' && end.error.code, 'restarted');
});

test('a run that runs again before anything was sent is read as if it ran once', async () => {
  const events = await Array.fromAsync(
    textEvents(runOf([RESTARTED, delta(2, 1, 'b'), delta(2, 2, 'c'), result(2, 3)])),
  );
  const pieces = events.map((event) => (event.type === 'text_delta' ? event.pieces : event.type));
  assert.deepEqual(pieces, ['text_start', 1, 1, 'text_end', 'result']);
});

const HOURS = { url: 'https://example.com/hours', title: 'Hours' };
const PLAN = { file_id: 'f1', name: 'plan.pdf', media_type: 'application/pdf', size: 3 };
const ANSWER = {
  role: 'assistant',
  content: 'Open.',
  reasoning: 'Hm, yes.',
  sources: [HOURS],
  files: [PLAN],
};
const COMPLETED: RunEvent = { type: 'result', result: { startEvents: [], events: [] } };
const ANSWERED: RunEvent = {
  type: 'result',
  result: { startEvents: [], events: [messageWith(ANSWER)] },
};
const FAILED: RunEvent = { type: 'error', error: new JimsError('pipeline_failed', 'kaboom') };
const CANCELLED: RunEvent = { type: 'cancelled', reason: 'cancelled', events: [] };

describe('reasoning', () => {
  test('begins and ends once, whatever comes in between, and again after something else', async () => {
    const seen = await read([
      thought('a'),
      { type: 'status', status: { message: 'still there', statusType: 'status' } },
      thought('b'),
      said('text'),
      thought('c'),
      tool({ status: 'running', title: 'Looking' }),
      tool({ status: 'completed', title: 'Looking' }),
      COMPLETED,
    ]);
    assert.deepEqual(seen, [
      'reasoning_start reasoning-1',
      'reasoning_delta reasoning-1 a',
      'status still there',
      'reasoning_delta reasoning-1 b',
      'reasoning_end reasoning-1',
      'text_start m',
      'text_delta m text',
      'reasoning_start reasoning-2',
      'reasoning_delta reasoning-2 c',
      'reasoning_end reasoning-2',
      'tool Looking running',
      'tool Looking completed',
      'text_end m',
      'result',
    ]);
  });

  test('of two messages at once is of one after the other', async () => {
    const seen = await read([thought('a'), thought('b', 'n'), thought('c'), COMPLETED]);
    assert.deepEqual(seen, [
      'reasoning_start reasoning-1',
      'reasoning_delta reasoning-1 a',
      'reasoning_end reasoning-1',
      'reasoning_start reasoning-2',
      'reasoning_delta reasoning-2 b',
      'reasoning_end reasoning-2',
      'reasoning_start reasoning-3',
      'reasoning_delta reasoning-3 c',
      'reasoning_end reasoning-3',
      'result',
    ]);
  });

  test('that is kept comes before its message when nobody saw it, else only the rest of it', async () => {
    const event: RunEvent = { type: 'event', event: messageWith(ANSWER) };
    const unseen = await read([event, COMPLETED]);
    assert.deepEqual(unseen.slice(0, 4), [
      'reasoning_start reasoning-1',
      'reasoning_delta reasoning-1 Hm, yes.',
      'reasoning_end reasoning-1',
      'text_start m',
    ]);
    const half = await read([thought('Hm, '), event, COMPLETED]);
    assert.deepEqual(
      half.filter((line) => line.startsWith('reasoning_delta')),
      ['reasoning_delta reasoning-1 Hm, ', 'reasoning_delta reasoning-2 yes.'],
    );
    const whole = await read([thought('Hm, yes.'), event, COMPLETED]);
    assert.equal(whole.filter((line) => line.startsWith('reasoning_start')).length, 1);
  });

  test('that comes joined says how many pieces it was', async () => {
    const events = await Array.fromAsync(
      textEvents(
        runOf([numbered(thought('abc'), 2), numbered(thought('de'), 4), numbered(COMPLETED, 5)]),
      ),
    );
    const pieces = events.flatMap((event) =>
      event.type === 'reasoning_delta' ? [event.pieces] : [],
    );
    assert.deepEqual(pieces, [3, 2]);
  });
});

describe('sources and files', () => {
  test('come once, after the text has begun and before its event, also those that only the event has', async () => {
    const seen = await read([
      { type: 'source', messageId: 'm', source: HOURS },
      { type: 'source', messageId: 'm', source: HOURS },
      said('Open.'),
      { type: 'event', event: messageWith({ ...ANSWER, reasoning: undefined }) },
      { type: 'event', event: messageWith({ ...ANSWER, reasoning: undefined }, 'n') },
      COMPLETED,
    ]);
    assert.deepEqual(seen, [
      'text_start m',
      'text_delta m Open.',
      'source m https://example.com/hours',
      'file m plan.pdf',
      'text_end m',
      'event m',
      'text_start n',
      'text_delta n Open.',
      'source n https://example.com/hours',
      'file n plan.pdf',
      'text_end n',
      'event n',
      'result',
    ]);
  });

  test('that came before a message which is not streamed come after its whole text', async () => {
    const content = 'long '.repeat(10_000);
    const seen = await read([
      { type: 'file', messageId: 'm', file: PLAN },
      { type: 'source', messageId: 'm', source: HOURS },
      { type: 'event', event: messageWith({ ...ANSWER, reasoning: undefined, content }) },
      COMPLETED,
    ]);
    assert.ok(seen.length > 7);
    assert.deepEqual(seen.slice(-5), [
      'source m https://example.com/hours',
      'file m plan.pdf',
      'text_end m',
      'event m',
      'result',
    ]);
  });

  test('of what is not a message of the assistant are left out, as is what has not their form', async () => {
    const other = messageWith({ role: 'user', content: 'Hi', files: [PLAN], sources: [HOURS] });
    const odd = { ...ANSWER, reasoning: 1, sources: [{ url: 1 }, null], files: 'plan.pdf' };
    const seen = await read([
      { type: 'event', event: other },
      { type: 'event', event: messageWith(odd, 'n') },
      COMPLETED,
    ]);
    assert.deepEqual(seen, [
      'event m',
      'text_start n',
      'text_delta n Open.',
      'text_end n',
      'event n',
      'result',
    ]);
  });
});

describe('a run that is known by its outcome', () => {
  const all = [
    'reasoning_start reasoning-1',
    'reasoning_delta reasoning-1 Hm, yes.',
    'reasoning_end reasoning-1',
    'text_start m',
    'text_delta m Open.',
    'source m https://example.com/hours',
    'file m plan.pdf',
    'text_end m',
    'event m',
  ];

  test('has all that its messages have', async () => {
    assert.deepEqual(await read([ANSWERED]), [...all, 'result']);
    const events = [messageWith(ANSWER)];
    const cancelled = await read([{ type: 'cancelled', reason: 'interrupted', events }]);
    assert.deepEqual(cancelled, [...all, 'cancelled']);
  });

  test('has what is missing of a message that was begun', async () => {
    const seen = await read([
      thought('Hm, yes.'),
      said('Op'),
      { type: 'source', messageId: 'm', source: HOURS },
      ANSWERED,
    ]);
    assert.deepEqual(seen.slice(5), [
      'source m https://example.com/hours',
      'text_delta m en.',
      'file m plan.pdf',
      'text_end m',
      'event m',
      'result',
    ]);
  });
});

for (const [how, end] of [
  ['fails', FAILED],
  ['is cancelled', CANCELLED],
] as const) {
  test(`of a run that ${how} what is open ends before it: reasoning, steps and tools`, async () => {
    const seen = await read([
      tool({ id: 't1', status: 'running', title: 'Looking' }),
      tool({ id: 't2', status: 'running', title: 'Booking' }),
      tool({ id: 't1', status: 'completed', title: 'Looking' }),
      step('running'),
      thought('a'),
      end,
    ]);
    assert.deepEqual(seen, [
      'tool Looking running',
      'tool Booking running',
      'tool Looking completed',
      'step Paying running',
      'reasoning_start reasoning-1',
      'reasoning_delta reasoning-1 a',
      'reasoning_end reasoning-1',
      'step Paying failed',
      'tool Booking failed',
      end.type,
    ]);
  });
}

test('who has no form for steps and tools gets them as statuses that say what they do', async () => {
  const run = runOf(
    [
      step('running'),
      step('completed'),
      tool({ status: 'running', title: 'Looking' }),
      tool({ status: 'failed', title: 'Looking' }),
      tool({ id: 'untitled', status: 'running' }),
      COMPLETED,
    ].map(numbered),
  );
  const events = await Array.fromAsync(plainTextEvents(run));
  assert.deepEqual(
    events.map((event) => (event.type === 'status' ? event.status : event.type)),
    [
      { message: 'Paying', statusType: 'step' },
      { message: 'Looking', statusType: 'tool' },
      'result',
    ],
  );
});

test('a caller that sees the work of runs sees tools without a title, too', async () => {
  const news = [tool({ status: 'running' }), COMPLETED];
  assert.deepEqual(await read(news), ['result']);
  assert.deepEqual(await read(news, { seesWork: true }), [
    'tool look_up running',
    'tool look_up failed',
    'result',
  ]);
});

function thought(text: string, messageId = 'm'): RunEvent {
  return { type: 'reasoning', messageId, delta: text };
}

function said(text: string): RunEvent {
  return { type: 'delta', messageId: 'm', delta: text };
}

function tool(news: {
  readonly id?: string;
  readonly status: 'running' | 'completed' | 'failed';
  readonly title?: string;
}): RunEvent {
  return { type: 'tool', messageId: 'm', tool: { id: 't', name: 'look_up', ...news } };
}

function step(status: 'running' | 'completed'): RunEvent {
  return { type: 'step', step: { id: 's', name: 'pay', title: 'Paying', status } };
}

function messageWith(data: object, id = 'm'): ThreadEvent {
  return {
    id,
    threadId: 't',
    type: 'comm.assistant_message',
    data: JSON.parse(JSON.stringify(data)),
    createdAt: '2026-11-26T00:00:00.000000Z',
  };
}

/** What is read of these events, each in a few words. */
async function read(events: readonly RunEvent[], options?: TextOptions): Promise<string[]> {
  const all = await Array.fromAsync(textEvents(runOf(events.map(numbered)), options));
  return all.map(wordsOf);
}

function wordsOf(event: TextEvent): string {
  switch (event.type) {
    case 'status':
      return `status ${event.status.message}`;
    case 'step':
      return `step ${event.step.title} ${event.step.status}`;
    case 'tool':
      return `tool ${event.tool.title} ${event.tool.status}`;
    case 'text_start':
    case 'text_end':
      return `${event.type} ${event.messageId}`;
    case 'text_delta':
      return `text_delta ${event.messageId} ${event.delta}`;
    case 'reasoning_start':
    case 'reasoning_end':
      return `${event.type} ${event.reasoningId}`;
    case 'reasoning_delta':
      return `reasoning_delta ${event.reasoningId} ${event.delta}`;
    case 'source':
      return `source ${event.messageId} ${event.source.url}`;
    case 'file':
      return `file ${event.messageId} ${event.file.name}`;
    case 'event':
      return `event ${event.event.id}`;
    case 'result':
    case 'error':
    case 'cancelled':
      return event.type;
  }
}

function numbered(event: RunEvent, at: number): NumberedRunEvent {
  return { ...event, attempt: 1, seq: at + 1 };
}

function delta(attempt: number, seq: number, text: string): NumberedRunEvent {
  return { type: 'delta', messageId: 'm', delta: text, attempt, seq };
}

function result(attempt: number, seq: number): NumberedRunEvent {
  return { type: 'result', result: { startEvents: [], events: [] }, attempt, seq };
}

function runOf(events: readonly NumberedRunEvent[]): Listenable {
  return {
    async *listen() {
      yield* events;
    },
  };
}
