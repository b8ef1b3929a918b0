// A service in a process of its own, to be killed: node service.ts DATABASE PORT [durable]
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from 'jims-core';
import type { ThreadContext } from 'jims-core';

import { createHttpServer } from '../../../jims-api/src/server/node-server/http-server.ts';
import { recorder } from '../../../jims-api/test/support/recorder.ts';

const [, , store = '', port = '0', mode] = process.argv;

/** Says what it heard in pieces, with characters of several bytes. */
async function* echo(text: string): AsyncGenerator<string> {
  for (const piece of ['héllo ', '👋🏽 ', 'wörld: ', text, ' — ', '日本語', ' ✓']) {
    await sleep(Math.random() * 15);
    yield piece;
  }
}

const app = defineApp({
  store,
  durable: mode === 'durable',
  async pipeline(ctx: ThreadContext) {
    const text = ctx.lastUserMessage ?? '';
    ctx.updateAgentStatus('thinking');
    await ctx.step('look it up', () => sleep(Math.random() * 20, true), { title: 'Looking it up' });
    await ctx.sendMessage(echo(text));
    if (text.endsWith('3'))
      ctx.sendMessageWithButtons(`more of ${text}?`, [{ id: 'yes', text: 'Yes' }]);
  },
  conversationStartPipeline: (ctx: ThreadContext) => ctx.sendMessage('Welcome!'),
});
await app.open({ limits: { maxRuns: 10_000 } });
const server = createHttpServer(app, {
  readerTimeoutMs: 60_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 75_000,
  heartbeatMs: 200,
  logger: recorder().logger,
  maxStreams: 10_000,
});
server.listen(Number(port), '127.0.0.1', () => process.send?.('ready'));
process.on('disconnect', () => process.exit());
