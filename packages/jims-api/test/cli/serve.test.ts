// Through the real command: how a service that listens behaves, and how it stops.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { describe, test } from 'node:test';

import * as v from 'valibot';

import { folderWith, runCommand, serveCommand, startCommand } from '../support/command.ts';
import type { Running } from '../support/command.ts';
import { hidePackage } from '../support/served-app.ts';

const APP = `
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
async function greeter(ctx) {
  const { lastUserMessage: said } = ctx;
  if (said === 'slow') {
    ctx.updateAgentStatus('working');
    while (!existsSync('go')) await sleep(10);
  }
  if (said === 'endless') {
    ctx.updateAgentStatus('working');
    await new Promise(() => {});
  }
  if (said === 'boom') throw new Error('kaboom');
  if (said === 'float') void Promise.reject(new Error('floating'));
  if (said === 'timer') setTimeout(() => { throw new Error('in a timer'); }, 1);
  if (said === 'float' || said === 'timer') await sleep(200);
  ctx.sendMessage('Hello');
}
export const app = greeter;
`;

const LogLine = v.pipe(
  v.string(),
  v.parseJson(),
  v.looseObject({ level: v.number(), time: v.string(), msg: v.string() }),
);

function post(
  service: Running,
  message: string,
  path = '/api/v1/chat',
  headers: object = {},
): Promise<Response> {
  return fetch(service.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ contact_id: 'c', message }),
  });
}

function logged(service: Running): v.InferOutput<typeof LogLine>[] {
  return service.log.map((line) => v.parse(LogLine, line));
}

/** Sends bytes as they are, and gives the answer's when the connection is closed. */
async function rawAnswer({ url }: Running, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(bytes);
  return textOf(socket);
}

describe('a service', { concurrency: 2 }, () => {
  test('answers on its port, and logs JSON on standard error', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    await using service = await serveCommand([], { cwd: folder.path });
    assert.deepEqual(await (await fetch(`${service.url}/healthz`)).json(), { status: 'ok' });
    assert.deepEqual(await (await fetch(`${service.url}/readyz`)).json(), { status: 'ready' });
    assert.equal((await post(service, 'Hi')).status, 200);
    service.kill('SIGTERM');
    const { stdout } = await service.ended;
    assert.equal(stdout, '', 'standard output is left to the app');
    const lines = logged(service);
    assert.deepEqual(
      lines.map(({ msg }) => msg),
      [
        'a new database was made',
        'listening',
        'run completed',
        'request',
        'stopping: runs are finished first, a second signal ends at once',
        'stopped',
      ],
    );
    assert.ok(lines.every(({ time }) => /^\d{4}-\d\d-\d\dT.*Z$/.test(time)));
  });

  test('on SIGTERM finishes what it answers, refuses what comes later, and exits with 0', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    await using service = await serveCommand([], { cwd: folder.path });
    const chat = await post(service, 'slow', '/api/v1/chat/stream');
    assert.ok(chat.body);
    const reader = chat.body.pipeThrough(new TextDecoderStream()).getReader();
    assert.match((await reader.read()).value ?? '', /working/, 'the run goes on');
    service.kill('SIGTERM');
    while (!service.log.join('\n').includes('stopping')) await new Promise(setImmediate);
    assert.equal((await post(service, 'late')).status, 503);
    assert.equal((await fetch(`${service.url}/readyz`)).status, 503);
    writeFileSync(join(folder.path, 'go'), '');
    assert.match((await reader.read()).value ?? '', /^event: result\n.*Hello/);
    assert.equal((await reader.read()).done, true);
    assert.equal((await service.ended).code, 0);
  });

  test('stops a run that does not end in time, and still exits with 0', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    await using service = await serveCommand(['--drain-timeout', '0'], { cwd: folder.path });
    const chat = await post(service, 'endless', '/api/v1/chat/stream');
    assert.ok(chat.body);
    const text = chat.body.pipeThrough(new TextDecoderStream());
    service.kill('SIGTERM');
    let received = '';
    for await (const chunk of text) received += chunk;
    assert.match(received, /event: (?:cancelled|error)\n/);
    assert.equal((await service.ended).code, 0);
  });

  test('ends at once on a second signal', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    await using service = await serveCommand([], { cwd: folder.path });
    const chat = await post(service, 'endless', '/api/v1/chat/stream');
    assert.ok(chat.body);
    service.kill('SIGINT');
    while (!service.log.join('\n').includes('stopping')) await new Promise(setImmediate);
    // What comes at the same moment is passed on by somebody, and no second wish.
    const again = setInterval(() => service.kill('SIGINT'), 50);
    assert.equal((await service.ended).code, 1);
    clearInterval(again);
    await chat.body.cancel().catch(() => {});
  });

  test('takes signals that come at the same moment for one', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    await using service = await serveCommand([], { cwd: folder.path });
    const chat = await post(service, 'slow', '/api/v1/chat/stream');
    assert.ok(chat.body);
    const reader = chat.body.pipeThrough(new TextDecoderStream()).getReader();
    await reader.read();
    service.kill('SIGINT');
    service.kill('SIGTERM');
    while (!service.log.join('\n').includes('stopping')) await new Promise(setImmediate);
    writeFileSync(join(folder.path, 'go'), '');
    assert.match((await reader.read()).value ?? '', /^event: result\n.*Hello/);
    assert.equal((await service.ended).code, 0);
  });

  test('on SIGHUP ends as on SIGTERM, and a terminal that reports its end again is not impatient', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    await using service = await serveCommand([], { cwd: folder.path });
    const chat = await post(service, 'slow', '/api/v1/chat/stream');
    assert.ok(chat.body);
    const reader = chat.body.pipeThrough(new TextDecoderStream()).getReader();
    await reader.read();
    service.kill('SIGHUP');
    while (!service.log.join('\n').includes('stopping')) await new Promise(setImmediate);
    // As long as a second SIGTERM would end it.
    const again = setInterval(() => service.kill('SIGHUP'), 50);
    await new Promise((go) => setTimeout(go, 600));
    clearInterval(again);
    writeFileSync(join(folder.path, 'go'), '');
    assert.match((await reader.read()).value ?? '', /^event: result\n.*Hello/);
    assert.equal((await service.ended).code, 0);
  });

  test('with --verbose logs what it does at its start and its end', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    const args = ['--verbose', '--api-key', 'key-4711'];
    await using service = await serveCommand(args, { cwd: folder.path });
    const bearer = { authorization: 'Bearer key-4711' };
    await post(service, 'Hi', '/deep-chat', bearer);
    service.kill('SIGTERM');
    await service.ended;
    const lines = logged(service).filter(({ level }) => level === 20);
    const steps = [
      'starting',
      'loading the app',
      'the app is loaded',
      'opening the store',
      'the store is open, its tables are up to date',
      'protocol loaded',
      'runs are over, the store is closed',
    ];
    const known = lines.filter(({ msg }) => steps.includes(msg));
    assert.deepEqual(
      known.map(({ msg }) => msg),
      steps,
    );
    assert.equal(known[0]?.['apiKeys'], 1);
    assert.deepEqual(known.at(-2)?.['prefixes'], ['/deep-chat']);
    assert.doesNotMatch(service.log.join('\n'), /key-4711/);
  });

  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const) {
    test(`ends at once on ${signal} while it starts`, async () => {
      using folder = folderWith({
        'app.mjs': "console.log('loading'); await new Promise((go) => setTimeout(go, 600_000));",
      });
      const starting = startCommand([], { cwd: folder.path });
      await starting.said;
      starting.kill(signal);
      assert.equal((await starting.ended).code, code);
    });
  }

  test('survives an error that a pipeline left behind: only its run fails', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    await using service = await serveCommand([], { cwd: folder.path });
    for (const message of ['boom', 'float', 'timer']) {
      const response = await post(service, message);
      assert.equal(response.status, 500, message);
      assert.match(await response.text(), /^\{"detail":"Pipeline error \(request [^)]+\)"\}$/);
    }
    assert.equal((await post(service, 'Hi')).status, 200);
    const errors = service.log.filter((line) => line.includes('kaboom'));
    assert.equal(errors.length, 1, 'the log has the reason, once');
  });

  test('never writes a key, a token or a message into its log', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    const args = ['--api-key', 'key-4711', '--verbose'];
    await using service = await serveCommand(args, { cwd: folder.path });
    await post(service, 'my card is 4111', '/api/v1/chat', { authorization: 'Bearer key-4711' });
    await post(service, 'my card is 4111', '/api/v1/chat', { authorization: 'Bearer other-0815' });
    await post(service, 'boom', '/api/v1/chat', { authorization: 'Bearer key-4711' });
    await fetch(`${service.url}/docs?key=key-4711`);
    service.kill('SIGTERM');
    await service.ended;
    assert.equal(service.log.filter((line) => line.includes('"request"')).length, 4);
    assert.doesNotMatch(service.log.join('\n'), /key-4711|other-0815|is 4111/);
  });

  test('warns when everybody may come in from everywhere, and only then', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    const warnings = async (...args: string[]): Promise<number> => {
      await using service = await serveCommand(args, { cwd: folder.path });
      service.kill('SIGTERM');
      await service.ended;
      return logged(service).filter(
        ({ level, msg }) => level === 40 && msg.startsWith('OPEN ACCESS'),
      ).length;
    };
    assert.equal(await warnings(), 0, 'on this machine only');
    assert.equal(await warnings('--host', '0.0.0.0'), 1);
    assert.equal(await warnings('--host', '0.0.0.0', '--api-key', 'key'), 0);
  });

  test('ignores a second token, and a second Authorization header', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    await using service = await serveCommand(['--api-key', 'key'], { cwd: folder.path });
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    socket.write(
      'GET /openapi.json HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key\r\nAuthorization: Bearer key\r\nConnection: close\r\n\r\n',
    );
    const [answer] = await once(socket.setEncoding('utf8'), 'data');
    assert.match(String(answer), /^HTTP\/1\.1 401 /);
    socket.destroy();
  });

  test('answers a health check of HTTP/1.0, which names no host', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    await using service = await serveCommand([], { cwd: folder.path });
    const answer = await rawAnswer(service, 'GET /readyz HTTP/1.0\r\n\r\n');
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[^]*\{"status":"ready"\}/);
    const expecting =
      'GET /readyz HTTP/1.1\r\nHost: x\r\nExpect: more\r\nConnection: close\r\n\r\n';
    assert.match(await rawAnswer(service, expecting), /^HTTP\/1\.1 200 OK\r\n/);
  });

  test('answers what it cannot read as other errors, with an id that is in the log', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    await using service = await serveCommand(['--request-timeout', '1'], { cwd: folder.path });
    const head = 'POST /api/v1/chat HTTP/1.1\r\nHost: x\r\n';
    for (const [status, bytes] of [
      [400, 'this is not HTTP\r\n\r\n'],
      [400, 'GET /healthz HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n'],
      [400, 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n'],
      [408, `${head}Content-Length: 10\r\n\r\nabc`],
      [431, `${head}${'X-Padding: 0123456789\r\n'.repeat(3000)}\r\n`],
    ] as const) {
      const answer = await rawAnswer(service, bytes);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(answer, /\{"detail":"[^"]+","code":"\w+"\}$/);
      const [, id = '?'] = /x-request-id: (\S+)/.exec(answer) ?? [];
      while (!service.log.some((line) => line.includes(id))) await new Promise(setImmediate);
      assert.match(service.log.find((line) => line.includes(id)) ?? '', /could not be read/);
    }
  });

  test('counts its runs on the metrics port, on every path and without a key', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    await using service = await serveCommand(['--api-key', 'key'], { cwd: folder.path });
    const bearer = { authorization: 'Bearer key' };
    await post(service, 'Hi', '/api/v1/chat', bearer);
    await post(service, 'boom', '/api/v1/chat/stream', bearer).then((response) => response.text());
    const response = await fetch(service.metricsUrl);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=/);
    const text = await response.text();
    assert.match(text, /^# TYPE jims_pipeline_runs_total counter$/m);
    assert.match(text, /^jims_pipeline_runs_total\{pipeline="greeter",status="success"\} 1$/m);
    assert.match(text, /^jims_pipeline_runs_total\{pipeline="greeter",status="failure"\} 1$/m);
    assert.match(text, /^jims_refusals_total\{code="overloaded"\} 0$/m);
    assert.match(text, /^process_resident_memory_bytes \d+$/m);
    assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m);
    assert.match(text, /^jims_pipeline_run_duration_seconds_bucket\{le="1\.0",/m);
    assert.equal((await fetch(new URL('/', service.metricsUrl))).status, 200);
    const post405 = await fetch(service.metricsUrl, { method: 'POST' });
    assert.equal(post405.status, 405);
    assert.equal(post405.headers.get('allow'), 'GET, HEAD');
    const head = await fetch(service.metricsUrl, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(await head.text(), '');
  });

  test('shows its metrics on a loopback address by no name that a page can lead here', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    const args = ['--host', '127.0.0.1', '--allowed-host', 'metrics.example'];
    await using service = await serveCommand(args, { cwd: folder.path });
    const { port } = new URL(service.metricsUrl);
    const ask = async (host: string): Promise<string> => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.end(`GET /metrics HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
      return (await textOf(socket)).split('\r\n')[0] ?? '';
    };
    for (const host of ['localhost:8000', '127.0.0.1', '[::1]', 'metrics.example']) {
      assert.equal(await ask(`Host: ${host}\r\n`), 'HTTP/1.1 200 OK', host);
    }
    for (const host of ['evil.example', 'evil.example.:8000', 'localhost.evil.example']) {
      assert.equal(await ask(`Host: ${host}\r\n`), 'HTTP/1.1 403 Forbidden', host);
    }
  });
});

test('--enable-sentry without its package is one line that names it', async () => {
  using folder = folderWith({ 'app.mjs': APP });
  const env = { NODE_OPTIONS: hidePackage('@sentry/node') };
  const { code, stderr } = await runCommand(['--enable-sentry'], { cwd: folder.path, env });
  assert.equal(code, 1);
  assert.equal(
    stderr,
    'jims-api: --enable-sentry needs the package @sentry/node: npm install @sentry/node@11\n',
  );
});
