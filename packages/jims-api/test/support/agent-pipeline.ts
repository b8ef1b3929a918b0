import { setTimeout as sleep } from 'node:timers/promises';

import type { ThreadContext } from 'jims-core';

export interface AgentPipeline {
  readonly pipeline: (ctx: ThreadContext) => Promise<void>;
  /** How often it was started. */
  readonly runs: number;
  /** Resolves when a run was told to stop. */
  readonly stopped: Promise<void>;
  /** Lets `held` go on. */
  release(): void;
}

/** A pipeline for the tests of protocols, which does what its message says. */
export function agentPipeline(): AgentPipeline {
  const stopped = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  let runs = 0;

  const replies: Readonly<Record<string, (ctx: ThreadContext) => unknown>> = {
    stream: (ctx) => ctx.sendMessage(words(['one ', 'two ', 'three'])),
    status(ctx) {
      ctx.updateAgentStatus({ message: 'Searching…', statusType: 'searching' });
      ctx.updateAgentStatus('plain');
      ctx.sendMessage('found');
    },
    multi: (ctx) => ['one', 'two'].forEach((text) => ctx.sendMessage(text)),
    buttons(ctx) {
      ctx.sendMessageWithButtons('pick', [
        { text: 'A', id: 'a' },
        { text: 'B', id: 'b' },
      ]);
    },
    secrets(ctx) {
      ctx.setState('secret', { n: 1 });
      ctx.sendEvent('context.note', { role: 'assistant', content: 'hidden' });
      ctx.sendEvent('rag.query', { q: 'x' });
      ctx.sendMessage('done');
    },
    boom() {
      throw new Error('kaboom');
    },
    history: (ctx) => ctx.sendMessage(ctx.history.map(({ content }) => content).join('|')),
    whoami: (ctx) => ctx.sendMessage(ctx.contactId ?? 'nobody'),
    silent() {},
    async wait(ctx) {
      ctx.signal.addEventListener('abort', () => stopped.resolve());
      await ctx.sendMessage(beginning(ctx.signal));
    },
    async held(ctx) {
      ctx.updateAgentStatus('holding');
      await released.promise;
      ctx.sendMessage('let go');
    },
    unlistening: () => sleep(300),
  };

  return {
    get runs() {
      return runs;
    },
    stopped: stopped.promise,
    release: () => released.resolve(),
    async pipeline(ctx) {
      runs += 1;
      const question = ctx.lastUserMessage ?? '';
      const reply = Object.hasOwn(replies, question) ? replies[question] : undefined;
      if (reply) await reply(ctx);
      else ctx.sendMessage(`Echo: ${question}`);
    },
  };
}

async function* words(all: readonly string[]): AsyncGenerator<string> {
  for (const word of all) {
    yield word;
    await sleep(5);
  }
}

async function* beginning(signal: AbortSignal): AsyncGenerator<string> {
  yield 'beginning ';
  await sleep(60_000, undefined, { signal });
  yield 'end';
}
