import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { NumberedRunEvent, Run } from 'jims-core';

import { toldRun } from '../../src/chat/text-stream.ts';

const RESTARTED = { type: 'restarted', attempt: 2, seq: 0 } as const;

test('a run that runs again after something was sent ends with an error: read it again', async () => {
  const told = await Array.fromAsync(
    toldRun(runOf([delta(1, 1, 'a'), RESTARTED, delta(2, 1, 'b'), result(2, 2)])),
  );
  const types = told.map(({ type }) => type);
  assert.deepEqual(types, ['text_start', 'text_delta', 'error']);
  const end = told.at(-1);
  assert.equal(end?.type === 'error' && end.error.code, 'restarted');
});

test('a run that runs again before anything was sent is sent as if nothing had happened', async () => {
  const told = await Array.fromAsync(
    toldRun(runOf([RESTARTED, delta(2, 1, 'b'), delta(2, 2, 'c'), result(2, 3)])),
  );
  const pieces = told.map((event) => (event.type === 'text_delta' ? event.pieces : event.type));
  assert.deepEqual(pieces, ['text_start', 1, 1, 'text_end', 'result']);
});

function delta(attempt: number, seq: number, text: string): NumberedRunEvent {
  return { type: 'delta', messageId: 'm', delta: text, attempt, seq };
}

function result(attempt: number, seq: number): NumberedRunEvent {
  return { type: 'result', result: { startEvents: [], events: [] }, attempt, seq };
}

function runOf(events: readonly NumberedRunEvent[]): Pick<Run, 'listen'> {
  return {
    async *listen() {
      yield* events;
    },
  };
}
