// `serve` keeps what the command promises: on real ports, and in processes of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { symlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { defineApp } from 'jims-core';
import type { JimsApp, Pipeline } from 'jims-core';
import * as v from 'valibot';

import { PortError, serve } from '../../src/index.ts';
import type { ServeOptions } from '../../src/index.ts';
import { PROGRAM_FLAGS, folderWith } from '../support/command.ts';
import { liveFrames } from '../support/live-frames.ts';
import { recorder } from '../support/recorder.ts';
import { chat } from '../support/served-app.ts';

const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));
const MIB = 2 ** 20;

function appOf(pipeline: Pipeline): JimsApp {
  return defineApp({ pipeline, store: 'sqlite::memory:' });
}

const hello: Pipeline = (ctx) => ctx.sendMessage('Hello');

/** On free ports of this machine, in a process that is not the service's. */
function inTests(more: ServeOptions = {}): ServeOptions {
  const { logger } = recorder();
  return { host: '127.0.0.1', port: 0, metricsPort: 0, signals: false, logger, ...more };
}

async function metric(port: number | undefined, name: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await response.text())?.[1]);
}

test('it answers on its port and on one for metrics, logs, and is over with its scope', async () => {
  const { logger, lines } = recorder();
  const app = appOf(hello);
  let url = '';
  {
    await using service = await serve(app, inTests({ logger }));
    url = service.url;
    assert.equal(url, `http://127.0.0.1:${service.port}`);
    assert.equal((await chat(url, 'Hi')).status, 200);
    assert.equal(await metric(service.metricsPort, 'jims_runs_running'), 0);
    assert.ok(lines.some(({ message }) => message === 'run completed'));
    const listening = lines.find(({ message }) => message === 'listening');
    const { port, metricsPort } = service;
    const docs = `${url}/docs`;
    assert.partialDeepStrictEqual(listening?.fields, {
      docs,
      host: '127.0.0.1',
      port,
      metricsPort,
    });
    assert.equal((await fetch(docs)).status, 200);
  }
  await assert.rejects(fetch(url));
  await assert.rejects(app.ping(), { code: 'shutting_down' });
});

test('times without an end leave clients, and runs at a stop, all the time; no time at all is refused', async () => {
  const app = appOf(async (ctx) => {
    await sleep(50);
    ctx.sendMessage('Hello');
  });
  const times = { readerTimeoutMs: Infinity, requestTimeoutMs: Infinity, heartbeatMs: Infinity };
  const endless = { ...times, keepAliveTimeoutMs: Infinity, drainTimeoutMs: Infinity };
  const service = await serve(app, inTests(endless));
  assert.equal((await chat(service.url, 'Hi')).status, 200);
  const last = chat(service.url, 'Hi');
  while ((await metric(service.metricsPort, 'jims_runs_running')) < 1) await sleep(5);
  await service.stop();
  assert.equal((await last).status, 200);
  for (const name of ['readerTimeoutMs', 'heartbeatMs', 'drainTimeoutMs', 'maxBodyBytes']) {
    const fault = { code: 'app_invalid', message: new RegExp(`^${name} is NaN`) };
    await assert.rejects(serve(appOf(hello), inTests({ [name]: Number.NaN })), fault);
  }
});

test('a client that reads nothing of its answer is cut off', async () => {
  const app = appOf((ctx) => ctx.sendMessage('x'.repeat(10 * MIB)));
  await using service = await serve(app, inTests({ readerTimeoutMs: 300 }));
  const socket = connect(service.port, '127.0.0.1').pause();
  socket.on('error', () => {});
  const body = JSON.stringify({ contact_id: 'c', message: 'talk' });
  socket.write(
    `POST /api/v1/chat HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  while ((await metric(service.metricsPort, 'jims_readers_cut_total')) < 1) await sleep(50);
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
  assert.ok(socket.errored, 'the connection was closed as if the answer were complete');
});

test('a request that is not HTTP, and the body of a refused one, are answered and bounded', async () => {
  await using service = await serve(appOf(hello), inTests({ apiKeys: ['key'] }));
  for (const [status, code, bytes] of [
    [400, 'unreadable', 'this is not HTTP\r\n\r\n'],
    [401, undefined, 'POST /api/v1/chat HTTP/1.1\r\nHost: a\r\nContent-Length: 900000000\r\n\r\nx'],
  ] as const) {
    const socket = connect(service.port, '127.0.0.1');
    socket.write(bytes);
    const answer = await text(socket);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} [^]*x-request-id: `));
    assert.equal(/"code":"(\w+)"/.exec(answer)?.[1], code);
  }
});

test('a port that is taken is a clear error, and the app can be served on another one', async () => {
  await using other = await serve(appOf(hello), inTests());
  const app = appOf(hello);
  for (const [option, name] of [
    [{ port: other.port }, 'port'],
    [{ metricsPort: other.port }, 'metricsPort'],
  ] as const) {
    const problem = `Cannot listen on 127.0.0.1:${other.port}: the port is in use, choose another one`;
    await assert.rejects(serve(app, inTests(option)), (error) => {
      assert.ok(error instanceof PortError);
      assert.equal(error.message, `${problem} (${name})`);
      assert.deepEqual([error.problem, error.options], [problem, [name]]);
      return true;
    });
  }
  await using service = await serve(app, inTests({ metricsPort: false }));
  assert.equal(service.metricsPort, undefined);
  assert.equal((await chat(service.url, 'Hi')).status, 200);
});

test('a program may try to serve again and again: nothing is left of a try that failed', async (t) => {
  const app = defineApp({ pipeline: hello, store: 'sqlite:not-an-address' });
  const timers = new Set<NodeJS.Timeout>();
  const { setInterval: set, clearInterval: clear } = globalThis;
  t.mock.method(globalThis, 'setInterval', (work: () => void, ms: number) => {
    const timer = set(work, ms);
    timers.add(timer);
    return timer;
  });
  t.mock.method(globalThis, 'clearInterval', (timer: NodeJS.Timeout) => {
    timers.delete(timer);
    clear(timer);
  });
  await assert.rejects(serve(app, inTests()), { code: 'store_invalid' });
  const registering = t.mock.method(app.metrics, 'counter');
  await assert.rejects(serve(app, inTests()), { code: 'store_invalid' });
  assert.equal(registering.mock.callCount(), 0);
  assert.equal(timers.size, 0);
});

test('an option that cannot work is an error before anything is opened', async () => {
  await using app = appOf(hello);
  await assert.rejects(serve(app, inTests({ allowedHosts: ['http://a'] })), TypeError);
  await assert.rejects(serve(app, inTests({ apiKeys: [''] })), TypeError);
});

test('two services of one app: the one that stops leaves the app to the other', async () => {
  await using app = appOf(async (ctx) => {
    if (ctx.lastUserMessage === 'wait') await once(ctx.signal, 'abort').catch(() => {});
    ctx.sendMessage('Hello');
  });
  const { logger, lines } = recorder();
  await using open = await serve(app, inTests({ logger }));
  await using keyed = await serve(app, inTests({ apiKeys: ['key'], drainTimeoutMs: 0 }));
  assert.equal((await chat(keyed.url, 'Hi')).status, 401);
  assert.equal((await chat(open.url, 'Hi')).status, 200);
  const headers = { authorization: 'Bearer key', 'content-type': 'application/json' };
  const stream = liveFrames(
    await fetch(`${keyed.url}/api/v1/chat/stream`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ contact_id: 'w', message: 'wait', include: ['thread'] }),
    }),
  );
  const { run_id: runId } = (await stream.until('thread')).data;
  assert.equal(await metric(open.metricsPort, 'jims_streams_open'), 1);

  await Promise.all([keyed.stop(), keyed.stop()]);
  await assert.rejects(stream.rest());
  await assert.rejects(fetch(keyed.url));
  assert.equal((await chat(open.url, 'Hi')).status, 200);
  assert.match(
    await (await fetch(`${open.url}/api/v1/runs/${String(runId)}`)).text(),
    /"status":"running"/,
  );
  await app.runs.cancel(String(runId));
  await open.stop();
  await assert.rejects(app.ping(), { code: 'shutting_down' });
  assert.ok(lines.some(({ message }) => message === 'runs are over, the store is closed'));
});

test('an app that is open is served as it is, and options for it come too late', async () => {
  await using app = appOf(hello);
  await app.open({ limits: { maxRuns: 7 } });
  await assert.rejects(serve(app, inTests({ limits: { maxRuns: 8 } })), { code: 'app_invalid' });
  await using service = await serve(app, inTests());
  assert.equal((await chat(service.url, 'Hi')).status, 200);
});

test('without keys it warns, unless only this machine reaches it, and checks the host', async () => {
  const warnings = async (more: ServeOptions): Promise<number> => {
    const { logger, lines } = recorder();
    await using _ = await serve(appOf(hello), inTests({ logger, metricsPort: false, ...more }));
    return lines.filter(({ message }) => message.startsWith('OPEN ACCESS')).length;
  };
  assert.equal(await warnings({ host: '0.0.0.0' }), 1);
  assert.equal(await warnings({}), 0);
  assert.equal(await warnings({ host: '0.0.0.0', apiKeys: ['key'] }), 0);
  const authenticate = async (): Promise<undefined> => undefined;
  assert.equal(await warnings({ host: '0.0.0.0', authenticate }), 0);

  const statusAt = async (more: ServeOptions): Promise<string> => {
    await using service = await serve(appOf(hello), inTests({ metricsPort: false, ...more }));
    const socket = connect(service.port, '127.0.0.1');
    socket.write('GET /openapi.json HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
    return (await text(socket)).slice(9, 12);
  };
  assert.equal(await statusAt({}), '403');
  assert.equal(await statusAt({ allowedHosts: ['evil.example'] }), '200');
  assert.equal(await statusAt({ host: '0.0.0.0', apiKeys: ['key'] }), '401');
  assert.equal(await statusAt({ host: '0.0.0.0', apiKeys: ['key'], allowedHosts: [] }), '403');
});

/** A program of its own that serves apps and writes `{"urls": [...]}` when they listen. */
async function program(
  source: string,
): Promise<
  AsyncDisposable & { urls: readonly string[]; child: ChildProcess; ended: Promise<unknown[]> }
> {
  const folder = folderWith({
    'program.ts': `import { defineApp } from 'jims-core';
import { serve } from 'jims-api';
import { AsyncResource } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
let throwLater = () => {};
const hello = (name: string) => defineApp({ store: 'sqlite::memory:', async pipeline(ctx) {
  if (ctx.lastUserMessage === 'float') void Promise.reject(new Error('floating'));
  if (ctx.lastUserMessage === 'timer') setTimeout(() => { throw new Error('in a timer'); }, 1);
  if (ctx.lastUserMessage === 'late') throwLater = AsyncResource.bind(() => void setImmediate(() => { throw new Error('too late'); }));
  if (ctx.lastUserMessage === 'Hi') throwLater();
  else { ctx.updateAgentStatus('working'); await sleep(500); }
  ctx.sendMessage(name);
}});
const ports = { host: '127.0.0.1', port: 0, metricsPort: false } as const;
${source}`,
  });
  symlinkSync(MODULES, join(folder.path, 'node_modules'));
  const args = [...PROGRAM_FLAGS, 'program.ts'];
  const child = spawn(process.execPath, args, { cwd: folder.path, stdio: 'pipe' });
  const printed = text(child.stderr);
  const closed = once(child, 'close');
  const ended = closed.then(async ([code, signal]) => [code ?? signal, await printed]);
  const [line] = await Promise.race([once(child.stdout, 'data'), ended]);
  const Line = v.pipe(v.string(), v.parseJson(), v.object({ urls: v.array(v.string()) }));
  return {
    ...v.parse(Line, String(line)),
    child,
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await closed;
      folder[Symbol.dispose]();
    },
  };
}

describe('in a process of its own', { concurrency: 2 }, () => {
  test('SIGTERM lets the runs of all services finish, then ends the process with 0', async () => {
    await using running = await program(`
const beforeExit = async () => console.log('last words');
const one = await serve(hello('one'), { ...ports, beforeExit });
const two = await serve(hello('two'), ports);
console.log(JSON.stringify({ urls: [one.url, two.url] }));`);
    const { child, ended } = running;
    const streams = await Promise.all(
      running.urls.map(async (url) =>
        liveFrames(
          await fetch(`${url}/api/v1/chat/stream`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ contact_id: 'c', message: 'slow' }),
          }),
        ),
      ),
    );
    for (const stream of streams) await stream.until('status');
    assert.ok(child.stdout);
    const lastWords = text(child.stdout);
    child.kill('SIGTERM');
    for (const [index, stream] of streams.entries()) {
      const result = await stream.until('result');
      assert.deepEqual(result.data['assistant_messages'], [index === 0 ? 'one' : 'two']);
    }
    const [code, log] = await ended;
    assert.equal(code, 0);
    assert.equal(await lastWords, 'last words\n');
    assert.match(String(log), /"msg":"stopped"\}\n[^]*"msg":"stopped"\}\n$/);
  });

  test('what a pipeline that was given up throws does not cut off the last work', async () => {
    await using running = await program(`
const late = Promise.withResolvers<void>();
const app = defineApp({ store: 'sqlite::memory:', async pipeline(ctx) {
  ctx.updateAgentStatus('working');
  void late.promise.then(() => { throw new Error('too late'); });
  setInterval(() => { if (isFlushing) throw new Error('in a timer'); }, 1);
  await late.promise;
}});
let isFlushing = false;
const beforeExit = async () => {
  isFlushing = true;
  late.resolve();
  await sleep(50);
  console.log('last words');
};
const limits = { graceMs: 10 };
const { url } = await serve(app, { ...ports, drainTimeoutMs: 0, limits, beforeExit });
console.log(JSON.stringify({ urls: [url] }));`);
    const { child, ended } = running;
    const [url = ''] = running.urls;
    const stream = liveFrames(
      await fetch(`${url}/api/v1/chat/stream`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ contact_id: 'c', message: 'slow' }),
      }),
    );
    await stream.until('status');
    assert.ok(child.stdout);
    const lastWords = text(child.stdout);
    child.kill('SIGTERM');
    const [code, log] = await ended;
    assert.equal(code, 0, String(log));
    assert.equal(await lastWords, 'last words\n');
    assert.match(String(log), /"msg":"stopped"\}\n$/);
  });

  test('what a pipeline left behind fails its run; what belongs to no run ends the process', async () => {
    await using running = await program(`
const onError = (error: unknown) => console.log('reported', String(error));
const { url } = await serve(hello('one'), { ...ports, onError });
console.log(JSON.stringify({ urls: [url] }));
process.stdin.once('data', () => { throw new Error('on my own'); });`);
    const [url = ''] = running.urls;
    assert.equal((await chat(url, 'float')).status, 500);
    assert.equal((await chat(url, 'timer')).status, 500);
    assert.equal((await chat(url, 'late')).status, 200);
    assert.equal((await chat(url, 'Hi')).status, 200);
    const { child, ended } = running;
    assert.ok(child.stdout && child.stdin);
    const reported = text(child.stdout);
    child.stdin.end('throw');
    const [code, log] = await ended;
    assert.equal(code, 1);
    assert.equal(await reported, 'reported Error: on my own\n');
    assert.match(String(log), /"level":50.*"too late".*a pipeline threw after its run was over/);
    assert.match(String(log), /"level":60.*"uncaught exception: the process ends"/);
  });

  test('after stop() the process ends by itself, and signals are as they were', async () => {
    await using running = await program(`
const service = await serve(hello('one'), ports);
console.log(JSON.stringify({ urls: [service.url] }));
process.stdin.once('data', async () => {
  await service.stop();
  console.log(process.listenerCount('SIGTERM'), process.listenerCount('uncaughtException'));
  process.stdin.destroy();
});`);
    const { child, ended } = running;
    assert.ok(child.stdout && child.stdin);
    const counts = text(child.stdout);
    child.stdin.write('stop');
    assert.equal((await ended)[0], 0);
    assert.equal(await counts, '0 0\n');
  });
});
