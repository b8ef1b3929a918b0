import type { ThreadContext } from 'jims-core';

/** All that an app can say in one run, in a fixed order. */
export async function talkative(ctx: ThreadContext): Promise<void> {
  ctx.updateAgentStatus({ message: 'Searching…', statusType: 'searching' });
  ctx.updateAgentStatus('plain');
  ctx.sendEvent('context.note', { role: 'assistant', content: 'a secret' });
  ctx.setState('menu', { buttons: [{ text: 'a secret' }] });
  ctx.sendEvent('rag.found', { documents: 2 });
  await ctx.sendMessage(wordsOf('one two three'));
  ctx.sendMessageWithButtons('Which?', [
    { text: 'A', id: 'a' },
    { text: 'B', id: 'b' },
  ]);
  ctx.sendMessage('the end');
}

async function* wordsOf(text: string): AsyncGenerator<string> {
  for (const word of text.split(/(?<= )/)) yield word;
}
