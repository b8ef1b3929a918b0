// The whole app: one function, which is called for each message.
import { defineApp } from 'jims-core';

export const app = defineApp({
  name: 'my-bot',
  pipeline(ctx) {
    ctx.sendMessage(`You said: ${ctx.lastUserMessage}`);
  },
});
