// ctx.llm.run in pipelines: rounds, tools, what is kept, and what the next turn knows.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Pipeline } from 'jims-core';
import type { RunRound } from 'jims-core/llm';
import { fakeModel, replayTwice, runPipeline } from 'jims-core/testing';
import type { FakeAnswer } from 'jims-core/testing';
import { z } from 'zod';

const CALL: FakeAnswer = { calls: [{ name: 'find', input: { id: '7' } }] };
const find = {
  description: 'Finds an order',
  schema: z.object({ id: z.string() }),
  execute: ({ id }: { readonly id: string }) => ({ id, state: 'sent' }),
};

async function turnOf(
  pipeline: Pipeline,
  answers: readonly FakeAnswer[],
): Promise<
  Awaited<ReturnType<typeof runPipeline>>[number] & { readonly prompts: readonly unknown[] }
> {
  const model = fakeModel(answers);
  const [turn] = await runPipeline(pipeline, ['Where is order 7?'], { llm: { model } });
  assert.ok(turn);
  if (turn.end.type === 'error') throw turn.end.error.cause ?? turn.end.error;
  return { ...turn, prompts: model.requests.map(({ prompt }) => prompt) };
}

describe('ctx.llm.run', () => {
  test('streams the text of all rounds as one message, with the calls before it', async () => {
    const turn = await turnOf(
      async (ctx) => {
        const text = await ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { find } }));
        assert.equal(text, 'Let me look.\n\nIt was sent.');
      },
      [{ text: 'Let me look.', ...CALL }, 'It was sent.'],
    );
    assert.equal(turn.prompts.length, 2);
    assert.deepEqual(turn.deltas, ['Let ', 'me ', 'look.', '\n\nIt ', 'was ', 'sent.']);
    assert.deepEqual(turn.messages, ['Let me look.\n\nIt was sent.']);
    const call = {
      id: 'call-1-1',
      type: 'function',
      function: { name: 'find', arguments: '{"id":"7"}' },
    };
    const result = { role: 'tool', tool_call_id: 'call-1-1', content: '{"id":"7","state":"sent"}' };
    assert.deepEqual(
      turn.sent.map(({ type, data }) => [type, data]),
      [
        ['context.tool_call', { role: 'assistant', content: '', tool_calls: [call] }],
        ['context.tool_result', result],
        ['comm.assistant_message', { role: 'assistant', content: 'Let me look.\n\nIt was sent.' }],
      ],
    );
    assert.deepEqual(turn.tools, [
      { id: 'call-1-1', name: 'find', status: 'running', input: { id: '7' } },
      { id: 'call-1-1', name: 'find', status: 'completed', output: { id: '7', state: 'sent' } },
    ]);
  });
});
void replayTwice;
export type { RunRound };
