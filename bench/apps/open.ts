// Every run says that it runs, and waits for a signal to all of them.
import { defineApp } from 'jims-core';

const released = Promise.withResolvers<void>();
process.on('SIGUSR2', () => released.resolve());

export const app = defineApp(async (ctx) => {
  ctx.updateAgentStatus('open');
  await released.promise;
  ctx.sendMessage('done');
});
