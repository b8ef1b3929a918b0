import assert from 'node:assert/strict';
import { test } from 'node:test';

import { returnedData, thoughtsByCall } from '../../../src/llm/chat/provider-data.ts';

const CALL = { id: 'call-1' };

test('only the provider of a message gets its data back', () => {
  const message = {
    provider_data: {
      provider: 'house',
      message: { reasoning_content: 'Hm', other: 'not a thought' },
      calls: { 'call-1': { house: { signature: 's' } } },
    },
  };
  const own = returnedData(message, 'house');
  assert.deepEqual(own.message, { openaiCompatible: { reasoning_content: 'Hm' } });
  assert.deepEqual(own.ofCall(CALL), { house: { signature: 's' } });
  const other = returnedData(message, 'groq');
  assert.equal(other.message, undefined);
  assert.equal(other.ofCall(CALL), undefined);
});

test('thoughts and signatures that an app put into a message go back, too', () => {
  const data = returnedData({ reasoning_content: 'Hm' }, 'house');
  assert.deepEqual(data.message, { openaiCompatible: { reasoning_content: 'Hm' } });
  const extra_content = { google: { thought_signature: 's' } };
  assert.deepEqual(data.ofCall({ ...CALL, extra_content }), { google: { thoughtSignature: 's' } });
});

test('data of another form is ignored', () => {
  for (const provider_data of [null, 'x', [], { provider: 'house', reasoning: [1, { text: 2 }] }]) {
    const data = returnedData({ provider_data }, 'house');
    assert.deepEqual(data.reasoning, []);
    assert.equal(data.message, undefined);
    assert.equal(data.ofCall(CALL), undefined);
  }
});

test('thoughts are found by the first tool call after them', () => {
  const call = (toolCallId: string) =>
    ({ type: 'tool-call', toolCallId, toolName: 'look', input: {} }) as const;
  const thoughts = thoughtsByCall([
    { role: 'user', content: [{ type: 'text', text: 'a' }] },
    {
      role: 'assistant',
      content: [call('1'), call('2')],
      providerOptions: { openaiCompatible: { reasoning_content: 'Hm' } },
    },
    { role: 'assistant', content: [call('3')] },
  ]);
  assert.deepEqual([...thoughts], [['1', { reasoning_content: 'Hm' }]]);
});
