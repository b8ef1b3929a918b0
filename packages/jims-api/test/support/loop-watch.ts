import assert from 'node:assert/strict';

import * as v from 'valibot';

import { chat, serveApp } from './served-app.ts';
import type { ServedApp } from './served-app.ts';

/**
 * An app in a process of its own that says on another port how its event loop and its memory are. The
 * time of the loop's own thread is measured, not that of the clock, which is longer on a busy machine.
 */
const APP = `import { createServer } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { defineApp } from 'jims-core';
import * as v from 'valibot';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');
let last = process.threadCpuUsage();
let most = 0;
setInterval(() => {
  const { user, system } = process.threadCpuUsage(last);
  most = Math.max(most, (user + system) / 1000);
  last = process.threadCpuUsage();
}, 1).unref();
const watch = createServer((request, response) => {
  if (request.url === '/gc') gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const seen = { stillMs: most, heapBytes: heapUsed, bufferBytes: arrayBuffers };
  most = 0;
  response.end(JSON.stringify(seen));
}).listen(0, '127.0.0.1').unref();

const List = v.object({ list: v.array(v.string()) });

export const app = defineApp(async (ctx) => {
  if (ctx.lastUserMessage !== 'ask') return ctx.sendMessage(String(watch.address().port));
  await ctx.ask({ to: 'service', name: 'list', schema: List });
});`;

const Seen = v.object({ stillMs: v.number(), heapBytes: v.number(), bufferBytes: v.number() });
const Said = v.object({ assistant_messages: v.tuple([v.string()]) });

export interface WatchedApp extends AsyncDisposable {
  readonly origin: string;
  /** For how long the loop did one thing, at most, since this was called before. */
  stillMs(): Promise<number>;
  /** What is in use after everything that can go was collected. */
  heapBytes(): Promise<number>;
  /** The same of buffers, which are not in the heap. */
  bufferBytes(): Promise<number>;
}

export async function serveWatchedApp(args: readonly string[] = []): Promise<WatchedApp> {
  const served: ServedApp = await serveApp({ app: APP, args });
  const { body } = await chat(served.origin, 'port?');
  assert.ok(v.is(Said, body), JSON.stringify(body));
  const watch = `http://127.0.0.1:${body.assistant_messages[0]}`;
  const ask = async (path: string): Promise<v.InferOutput<typeof Seen>> =>
    v.parse(Seen, await (await fetch(watch + path)).json());
  return {
    origin: served.origin,
    stillMs: async () => (await ask('/')).stillMs,
    heapBytes: async () => (await ask('/gc')).heapBytes,
    bufferBytes: async () => (await ask('/gc')).bufferBytes,
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}
