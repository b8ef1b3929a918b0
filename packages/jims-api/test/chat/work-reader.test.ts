import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ToolNews } from 'jims-core';

import { WorkReader } from '../../src/chat/work-reader.ts';
import type { WorkEvent } from '../../src/chat/work-reader.ts';

const CALL: ToolNews = { id: 'call-1', name: 'look_up', title: 'Looking up', status: 'running' };

function toolsIn(events: Iterable<WorkEvent>): unknown[] {
  return [...events].map((event) => (event.type === 'tool' ? event.tool : event));
}

test('a contact sees of a tool its title and how it goes, and nothing else', () => {
  const reader = new WorkReader(false);
  const { title } = CALL;
  const begin = reader.tool('m', { ...CALL, id: 'look_up/1', input: { order: 7 } });
  const id = begin[0]?.type === 'tool' && begin[0].tool.id;
  assert.doesNotMatch(String(id), /look_up/);
  assert.deepEqual(toolsIn(begin), [{ id, title, status: 'running' }]);
  const end = reader.tool('m', {
    ...CALL,
    id: 'look_up/1',
    status: 'failed',
    error: 'no such order',
  });
  assert.deepEqual(toolsIn(end), [{ id, title, status: 'failed' }]);
});

test('who sees the work of runs sees all of it', () => {
  const reader = new WorkReader(true);
  const begun = { ...CALL, input: { order: 7 } };
  assert.deepEqual(toolsIn(reader.tool('m', begun)), [begun]);
  const ended = { ...CALL, status: 'completed', output: 'sent' } as const;
  assert.deepEqual(toolsIn(reader.tool('m', ended)), [ended]);
});

test('a tool that is only known by its end begins first, and no later end counts', () => {
  const reader = new WorkReader(false);
  const statuses = [
    ...reader.tool('m', { ...CALL, status: 'completed' }),
    ...reader.tool('m', { ...CALL, status: 'failed' }),
    ...reader.tool('m', CALL),
    ...reader.ends(),
  ].map((event) => (event.type === 'tool' ? event.tool.status : event.type));
  assert.deepEqual(statuses, ['running', 'completed']);
});

test('steps are numbered by their titles, and end once', () => {
  const reader = new WorkReader(false);
  const step = (id: string, status: 'running' | 'completed' | 'failed', title?: string) =>
    reader.step({ id, name: `secret ${id}`, status, ...(title !== undefined && { title }) });
  const events = [
    ...step('a', 'running'),
    ...step('b', 'running', 'Paying'),
    ...step('c', 'completed', 'Sending'),
    ...step('c', 'failed', 'Sending'),
    ...reader.ends(),
  ];
  assert.deepEqual(
    events.map((event) => event.type === 'step' && Object.values(event.step).join(' ')),
    ['1 Paying running', '2 Sending running', '2 Sending completed', '1 Paying failed'],
  );
});
