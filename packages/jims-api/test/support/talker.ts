import { setTimeout as sleep } from 'node:timers/promises';

import type { ThreadContext } from 'jims-core';

/**
 * A pipeline for tests of runs. `stream N` streams N words, one every 20 ms; `wait` stays until it is
 * told to stop; `stubborn` does not listen to that; `boom` fails; anything else is echoed.
 */
export async function talker(ctx: ThreadContext): Promise<void> {
  const [word = '', argument = ''] = (ctx.lastUserMessage ?? '').split(' ');
  switch (word) {
    case 'stream':
      ctx.updateAgentStatus('writing');
      await ctx.sendMessage(words(Number(argument), ctx.signal));
      return;
    case 'wait':
      ctx.sendMessage('waiting');
      await sleep(60_000, undefined, { signal: ctx.signal });
      return;
    case 'stubborn':
      await sleep(Number(argument));
      ctx.sendMessage('too late');
      return;
    case 'boom':
      ctx.sendMessage('never seen');
      throw new Error('kaboom');
    default:
      ctx.setState('last', { word });
      ctx.sendMessage(`Echo: ${ctx.lastUserMessage}`);
  }
}

async function* words(count: number, signal: AbortSignal): AsyncGenerator<string> {
  for (let i = 1; i <= count; i += 1) {
    yield `w${i} `;
    await sleep(20, undefined, { signal });
  }
}

/** What `stream N` says. */
export function wordsText(count: number): string {
  return Array.from({ length: count }, (_, i) => `w${i + 1} `).join('');
}
