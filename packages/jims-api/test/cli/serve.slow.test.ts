// Through the real command: how a service that listens behaves, and how it stops.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import * as v from 'valibot';

import { eventually } from '../../../jims-core/test/support/eventually.ts';
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
    await eventually(() => service.log.join('\n').includes('stopping'));
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
    await eventually(() => service.log.join('\n').includes('stopping'));
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
    await eventually(() => service.log.join('\n').includes('stopping'));
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
    await eventually(() => service.log.join('\n').includes('stopping'));
    // As long as a second SIGTERM would end it.
    const again = setInterval(() => service.kill('SIGHUP'), 50);
    await new Promise((go) => setTimeout(go, 600));
    clearInterval(again);
    writeFileSync(join(folder.path, 'go'), '');
    assert.match((await reader.read()).value ?? '', /^event: result\n.*Hello/);
    assert.equal((await service.ended).code, 0);
  });

  test('with --verbose logs what it does, but no key, token or message, and an error once', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    const args = ['--verbose', '--api-key', 'key-4711'];
    await using service = await serveCommand(args, { cwd: folder.path });
    const bearer = { authorization: 'Bearer key-4711' };
    await post(service, 'my card is 4111', '/deep-chat', bearer);
    await post(service, 'my card is 4111', '/api/v1/chat', { authorization: 'Bearer other-0815' });
    await post(service, 'boom', '/api/v1/chat', bearer);
    await fetch(`${service.url}/docs?key=key-4711`);
    service.kill('SIGTERM');
    await service.ended;
    const log = service.log.join('\n');
    assert.equal(log.match(/"msg":"request"/g)?.length, 4);
    assert.equal(service.log.filter((line) => line.includes('kaboom')).length, 1);
    assert.doesNotMatch(log, /key-4711|other-0815|is 4111/);
    const steps = [
      'starting',
      'loading the app',
      'the app is loaded',
      'opening the store',
      'the store is open, its tables are up to date',
      'protocol loaded',
      'runs are over, the store is closed',
    ];
    const known = logged(service).filter(({ level, msg }) => level === 20 && steps.includes(msg));
    assert.deepEqual([...new Set(known.map(({ msg }) => msg))], steps);
    assert.equal(known[0]?.['apiKeys'], 1);
    const first = known.find(({ msg }) => msg === 'protocol loaded');
    assert.deepEqual(first?.['prefixes'], ['/deep-chat']);
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
