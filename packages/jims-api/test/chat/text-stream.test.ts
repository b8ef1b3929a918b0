import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { NumberedRunEvent } from 'jims-core';

import { textEvents } from '../../src/chat/text-stream.ts';
import type { Listenable } from '../../src/chat/text-stream.ts';

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
