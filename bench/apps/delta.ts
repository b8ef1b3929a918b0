// Says at what moment it said it, on the clock that all processes of a machine share.
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from 'jims-core';

const REST_MS = 20;

export const app = defineApp(async (ctx) => {
  await ctx.sendMessage(now());
});

/** What comes after the first piece must not be what the first piece waits for. */
async function* now(): AsyncGenerator<string> {
  yield process.hrtime.bigint().toString();
  await sleep(REST_MS);
}
