import { defineApp } from 'jims-core';

export const app = defineApp((ctx) => {
  ctx.sendMessage(`You said: ${ctx.lastUserMessage}`);
});
