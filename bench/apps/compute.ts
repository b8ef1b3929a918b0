// Every run parses and renders for 5 ms of CPU time, as an agent does with documents and answers.
import { defineApp } from 'jims-core';

const CPU_US = 5000;
const DOCUMENT = JSON.stringify(
  Array.from({ length: 50 }, (_, id) => ({ id, title: `Document ${id}`, tags: ['a', 'b', 'c'] })),
);

export const app = defineApp((ctx) => {
  compute();
  ctx.sendMessage(`You said: ${ctx.lastUserMessage}`);
});

/** By the clock of this thread alone: when others have the core, it takes longer, not more. */
function compute(): void {
  const started = process.threadCpuUsage();
  let used = 0;
  while (used < CPU_US) {
    JSON.stringify(JSON.parse(DOCUMENT));
    const { user, system } = process.threadCpuUsage(started);
    used = user + system;
  }
}
