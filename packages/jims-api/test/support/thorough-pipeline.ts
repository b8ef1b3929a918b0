import type { MessagePart, ThreadContext } from 'jims-core';

/** A message of all that a message can have: what its tools take and give is secret. */
export async function thorough(ctx: ThreadContext): Promise<void> {
  await ctx.sendMessage(parts(), { keepReasoning: true });
}

async function* parts(): AsyncGenerator<string | MessagePart> {
  yield { type: 'reasoning', text: 'I must ' };
  yield { type: 'reasoning', text: 'look' };
  yield {
    type: 'tool-call',
    id: 'find',
    name: 'find-order',
    title: 'Looking for your order',
    input: { order: 'secret-input' },
  };
  yield { type: 'tool-result', id: 'find', output: { at: 'secret-output' } };
  yield { type: 'tool-call', id: 'check', name: 'check-fraud', input: {} };
  yield { type: 'tool-result', id: 'check', error: 'secret-reason' };
  yield { type: 'source', url: 'https://shop.example/faq', title: 'FAQ', excerpt: 'By noon' };
  yield {
    type: 'file',
    name: 'label.txt',
    mediaType: 'text/plain',
    data: new TextEncoder().encode('Parcel 7'),
  };
  yield 'It is on ';
  yield 'its way.';
}
