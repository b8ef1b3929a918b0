// How the command begins, and what makes it begin again.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';

import { parseCommandLine } from '../../../src/cli/options/options.ts';
import { runCommand } from '../../support/command.ts';
import { develop } from '../../support/dev-command.ts';
import type { Developing } from '../../support/dev-command.ts';

const SAYING = (
  words: string,
  more = '',
): string => `import { setTimeout } from 'node:timers/promises';
import { defineApp } from 'jims-core';
export const app = defineApp({ ${more}
  async pipeline(ctx) {
    if (ctx.lastUserMessage === 'slow') {
      console.log('begun');
      await setTimeout(700);
    }
    ctx.sendMessage('${words} ' + (process.env.WORD ?? ''));
  },
});
`;

async function reply(dev: Developing, message = 'hello', more = {}): Promise<string | undefined> {
  const { body } = await dev.say(message, more);
  return body.assistant_messages?.[0];
}

async function stateOf(dev: Developing): Promise<number> {
  const response = await fetch(`${dev.url}/healthz`).catch(() => undefined);
  return response?.status ?? 0;
}

async function untilUp(dev: Developing): Promise<void> {
  while ((await stateOf(dev)) !== 200) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('jims-api dev', { concurrency: 2 }, () => {
  test('finds the app, keeps its threads where git does not look, and shows errors', async () => {
    await using dev = await develop({
      'src/app.ts':
        "export const app = () => { return (ctx) => { throw new Error('my mistake'); }; };\n",
    });
    assert.match(
      dev.output,
      /^.* a new database was made .*dev\.db\n\n {2}Open http:\/\/127\.0\.0\.1:\d+\/ to talk with \.\/src\/app\.ts\n/,
    );
    const failed = await dev.say('hello');
    assert.equal(failed.status, 500);
    assert.match(JSON.stringify(failed.body), /my mistake/);
    assert.equal(readFileSync(join(dev.folder, '.jims/.gitignore'), 'utf8'), '*\n');
    assert.ok(existsSync(join(dev.folder, '.jims/dev.db')));
    assert.deepEqual([existsSync(join(dev.folder, 'jims.db'))], [false]);
    assert.equal((await fetch(`${dev.url}/widget.js`)).status, 200);
  });

  test('without an app serves one that streams, asks, remembers and gives a file; then the first app', async () => {
    await using dev = await develop({});
    const greeting = await dev.say('What can JIMS do?', {
      contact_id: 'c',
      start_conversation: true,
    });
    assert.match(String(greeting.body.assistant_messages), /one function/);
    const prices = await dev.say('What does a repair cost?', { contact_id: 'c' });
    assert.match(String(prices.body.assistant_messages), /Full service \| €89/);
    const question = await dev.say('book', {
      contact_id: 'c',
      event_type: 'comm.user_button_click',
    });
    assert.match(JSON.stringify(question.body), /is free\. Shall I book it/);
    const booked = await dev.say('yes', { contact_id: 'c', event_type: 'comm.user_button_click' });
    assert.match(JSON.stringify(booked.body), /appointment\.txt/);
    const known = await dev.say('Book an appointment', { contact_id: 'c' });
    assert.match(JSON.stringify(known.body), /You come on \*\*\w+ at 10:00/);
    dev.save('app.ts', SAYING('mine'));
    await dev.printed('starting anew');
    await dev.printed('listening', 2);
    await untilUp(dev);
    assert.equal(await reply(dev), 'mine ');
  });

  test('takes the next port when its own is in use, says so, and answers no page that is not its own', async () => {
    const other = createServer().listen(0, '127.0.0.1').unref();
    await once(other, 'listening');
    const address = other.address();
    const taken = typeof address === 'object' ? (address?.port ?? 0) : 0;
    await using dev = await develop(
      { 'app.ts': SAYING('private') },
      { args: ['--port', String(taken)] },
    );
    other.close();
    const { port } = new URL(dev.url);
    assert.ok(Number(port) > taken);
    await dev.printed(`port ${taken} is in use`);
    assert.equal(await reply(dev), 'private ');
    const ask = async (
      host: string,
      path: string,
      headers = {},
      body = '',
    ): Promise<[number, string]> => {
      const call = request({
        port,
        host: '127.0.0.1',
        path,
        method: body ? 'POST' : 'GET',
        headers: { host, ...headers },
      });
      call.end(body);
      const [response] = await once(call, 'response');
      return [response.statusCode, await text(response)];
    };
    const chat = JSON.stringify({ contact_id: 'c', message: 'hello' });
    for (const path of ['/', '/playground/page.js', '/api/v1/threads', '/api/v1/dev', '/docs']) {
      const [status, body] = await ask(`evil.example:${port}`, path);
      assert.equal(status, 403, path);
      assert.doesNotMatch(body, /private/);
    }
    const json = { 'content-type': 'application/json' };
    const own = `127.0.0.1:${port}`;
    const foreign = await ask(
      own,
      '/api/v1/chat',
      { ...json, origin: 'https://evil.example' },
      chat,
    );
    assert.equal(foreign[0], 403);
    const [status] = await ask(own, '/api/v1/chat', { ...json, origin: `http://${own}` }, chat);
    assert.equal(status, 200);
  });

  test('starts anew for what an open app cannot change, on its port, with its threads', async () => {
    await using dev = await develop({ 'app.ts': SAYING('one') });
    const { body } = await dev.say('hello', { contact_id: 'c' });
    dev.save('app.ts', SAYING('two', 'durable: true,'));
    await dev.printed('durable: an open app cannot change it: starting anew');
    await dev.printed('listening', 2);
    const again = await dev.say('hello', { contact_id: 'c' });
    assert.deepEqual(again.body.assistant_messages, ['two ']);
    assert.equal(again.body.thread_id, body.thread_id);
  });

  test('starts anew when .env or package.json has changed: runs are finished first', async () => {
    await using dev = await develop({ 'app.ts': SAYING('word') });
    const running = reply(dev, 'slow');
    await dev.printed('begun');
    dev.save('.env', 'WORD=first\n');
    assert.equal(await running, 'word ');
    await dev.printed('listening', 2);
    assert.equal(await reply(dev), 'word first');
    dev.save('.env', 'JIMS_PORT none\n');
    await dev.printed('.env has changed, but the command could not start');
    assert.equal(await reply(dev), 'word first');
    dev.save('.env', 'WORD=second\n');
    await dev.printed('listening', 3);
    assert.equal(await reply(dev), 'word second');
    // The same again changes nothing, although it is saved.
    dev.save('package.json', '{"type":"module"}');
    dev.save('package.json', '{"type":"module","name":"x"}');
    await dev.printed('listening', 4);
    assert.equal(dev.output.split('package.json has changed').length, 2);
    assert.equal(await reply(dev), 'word second');
  });
});

test('what it cannot do is said', async () => {
  const read = (...args: string[]) => parseCommandLine(['dev', ...args], {}, '1.0.0');
  for (const [args, message] of [
    [['a.ts', 'b.ts'], /unexpected extra argument \(b\.ts\)/],
    [['a.ts', '--app', 'b.ts'], /name one app/],
  ] as const) {
    assert.throws(() => read(...args), { name: 'UsageError', message });
  }
  const help = read('--help');
  assert.ok(help.kind === 'print');
  assert.match(
    help.text,
    /--host TEXT +Address to listen on {2}\[JIMS_HOST; default: 127\.0\.0\.1\]/,
  );
  assert.match(help.text, /--open /);
  const { code, stderr } = await runCommand(['dev', './none.ts'], { cwd: '/' });
  assert.equal(code, 1);
  assert.match(stderr, /There is no app at \/none\.ts/);
});
