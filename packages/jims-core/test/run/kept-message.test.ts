import assert from 'node:assert/strict';
import { test } from 'node:test';

import { plainBody } from '../../src/pipeline/message-body.ts';
import { keptMessage, messageFrom } from '../../src/run/kept-message.ts';

test('a message that is text is kept as every version reads and writes it', () => {
  assert.deepEqual(keptMessage(plainBody('Hello'), undefined), ['Hello']);
  assert.deepEqual(keptMessage(plainBody('Hello'), 'stop'), ['Hello', 'stop']);
  for (const kept of [['Hello'], ['Hello', 'stop']] as const) {
    assert.deepEqual(messageFrom(kept), plainBody('Hello'));
  }
});

test('a message that has more is read as it was', () => {
  const body = {
    text: 'Hello',
    sources: [{ url: 'https://a.example/' }],
    files: [{ file_id: 'f', name: 'a.png', media_type: 'image/png', size: 3 }],
    reasoning: 'Hm',
    context: [{ type: 'context.tool_result', data: { role: 'tool', content: '' } }],
  };
  const kept = keptMessage(body, undefined);
  assert.deepEqual(messageFrom(JSON.parse(JSON.stringify(kept))), body);
  const [text, finishReason] = kept;
  assert.deepEqual([text, finishReason ?? undefined], ['Hello', undefined]);
});
