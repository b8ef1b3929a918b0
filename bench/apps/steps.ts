// Ten steps that do nothing: what is measured is that their results are kept.
import { defineApp } from 'jims-core';

const STEPS = 10;

export const app = defineApp({
  durable: true,
  async pipeline(ctx) {
    for (let n = 0; n < STEPS; n++) await ctx.step('count', () => ({ n }));
    ctx.sendMessage(`You said: ${ctx.lastUserMessage}`);
  },
});
