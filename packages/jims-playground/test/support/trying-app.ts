import type { JimsAppOptions, ThreadContext } from 'jims-core';

import { createGate } from '../../../jims-api/test/support/gate.ts';
import type { Gate } from '../../../jims-api/test/support/gate.ts';

/** An app that does what a message says. */
export interface TryingApp extends Omit<JimsAppOptions, 'store'> {
  /** Opened, it lets `wait` go on. */
  readonly gate: Gate;
}

export function tryingApp(): TryingApp {
  const going = createGate();
  return {
    name: 'Trying',
    gate: going,
    async pipeline(ctx) {
      const word = ctx.lastUserMessage ?? '';
      if (word === 'fail') throwIt();
      if (word === 'wait') await waitFor(ctx, going);
      if (word === 'many') for (let n = 0; n < 3000; n += 1) ctx.sendEvent('trying.one', { n });
      if (word.startsWith('keep ')) keep(ctx, word.slice(5));
      ctx.sendMessage(`Did ${word}`);
    },
  };
}

async function waitFor(ctx: ThreadContext, { passed }: Gate): Promise<void> {
  ctx.updateAgentStatus('Waiting for the gate');
  await ctx.step('before the gate', () => ({ ready: true }));
  await passed(ctx.signal);
}

function keep(ctx: ThreadContext, word: string): void {
  ctx.setState('kept', { words: ['always', word], last: word });
}

function throwIt(): never {
  throw new TypeError('The card was refused', { cause: new Error('socket hang up') });
}
