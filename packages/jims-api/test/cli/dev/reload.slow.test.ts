// A saved file is live at once, and nothing that goes on is disturbed.
import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { develop } from '../../support/dev-command.ts';
import type { Developing } from '../../support/dev-command.ts';

/** A run waits for a file with the name of its version. */
const APP = `import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { defineApp } from 'jims-core';
import { version } from './lib/version.ts';
export const app = defineApp({
  async pipeline(ctx) {
    if (ctx.lastUserMessage === 'in flight') console.log('begun');
    while (ctx.lastUserMessage === 'in flight' && !existsSync(version)) await setTimeout(10);
    ctx.sendMessage(\`\${version}: \${ctx.lastUserMessage}\`);
  },
});
`;

function version(number: number): string {
  return `export const version: string = 'v${number}';\n`;
}

async function quick(dev: Developing): Promise<string | undefined> {
  const { body } = await dev.say('quick');
  return body.assistant_messages?.[0];
}

describe('a saved file', { concurrency: 2 }, () => {
  test('is live for the next run, and a run in flight ends with the code that it began with', async () => {
    await using dev = await develop({ 'app.ts': APP, 'lib/version.ts': version(1) });
    const first = await dev.say('hello', { contact_id: 'c' });
    for (let number = 1; number <= 8; number++) {
      const [running] = await Promise.all([
        dev.say('in flight', { contact_id: 'c' }),
        (async () => {
          await dev.printed('begun', number);
          dev.save('lib/version.ts', version(number + 1));
          await dev.code('loaded', ({ generation }) => generation === number + 1);
          dev.save(`v${number}`, '');
        })(),
      ]);
      assert.deepEqual(running.body.assistant_messages, [`v${number}: in flight`]);
      assert.equal(await quick(dev), `v${number + 1}: quick`);
    }
    const response = await fetch(
      `${dev.url}/api/v1/threads/${first.body.thread_id}/events?limit=100&domain=comm`,
    );
    const { events }: { events: readonly object[] } = JSON.parse(await response.text());
    assert.equal(events.length, 2 * 9);
    assert.doesNotMatch(dev.output, /starting anew/);
  });

  test('is not seen by a run that has begun, not even by what it imports later', async () => {
    await using dev = await develop({
      'app.ts': `import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
export async function app(ctx) {
  if (ctx.lastUserMessage === 'slow') console.log('begun');
  while (ctx.lastUserMessage === 'slow' && !existsSync('go')) await setTimeout(10);
  const { text } = await import('./late.ts');
  ctx.sendMessage(text);
}
`,
      'late.ts': "import { text as inner } from './inner.ts';\nexport const text = inner;\n",
      'inner.ts': "export const text = 'old';\n",
    });
    assert.equal(await quick(dev), 'old');
    const running = dev.say('slow');
    await dev.printed('begun');
    dev.save('inner.ts', "export const text = 'new';\n");
    await dev.code('loaded', ({ generation }) => generation === 2);
    assert.equal(await quick(dev), 'new');
    dev.save('go', '');
    assert.deepEqual((await running).body.assistant_messages, ['old']);
  });

  test('may be saved by a rename, be JSON, be CommonJS, or come and go', async () => {
    await using dev = await develop({
      'app.ts': `import data from './data.json' with { type: 'json' };
import common from './outer.cjs';
export const app = (ctx) => ctx.sendMessage(data.text + common.text());
`,
      'data.json': '{"text":"a"}',
      'outer.cjs': "const inner = require('./inner.cjs');\nexports.text = () => inner.text;\n",
      'inner.cjs': "exports.text = '1';\n",
    });
    assert.equal(await quick(dev), 'a1');
    const temporary = join(dev.folder, '.data.json.swp');
    writeFileSync(temporary, '{"text":"b"}');
    renameSync(temporary, join(dev.folder, 'data.json'));
    await dev.code('loaded', ({ generation }) => generation === 2);
    assert.equal(await quick(dev), 'b1');
    dev.save('inner.cjs', "exports.text = '2';\n");
    await dev.code('loaded', ({ generation }) => generation === 3);
    assert.equal(await quick(dev), 'b2');
    rmSync(join(dev.folder, 'data.json'));
    await dev.code('broken');
    assert.equal(await quick(dev), 'b2');
    dev.save('data.json', '{"text":"c"}');
    await dev.code('loaded');
    assert.equal(await quick(dev), 'c2');
    assert.doesNotMatch(dev.output, /starting anew/);
  });

  test('that cannot be loaded leaves the last code in service, and says where it is wrong', async () => {
    await using dev = await develop({ 'app.ts': APP, 'lib/version.ts': version(1) });
    dev.save('lib/version.ts', '// A comment.\nexport const version: string = ;\n');
    const syntax = await dev.code('broken');
    assert.equal(syntax['file'], join(dev.folder, 'lib/version.ts'));
    assert.deepEqual([syntax['line'], syntax['column'], syntax['generation']], [2, 32, 1]);
    assert.deepEqual(syntax['excerpt'], [
      { line: 1, text: '// A comment.' },
      { line: 2, text: 'export const version: string = ;' },
      { line: 3, text: '' },
    ]);
    await dev.printed(
      '> 2 | export const version: string = ;\n      |                                ^',
    );
    assert.equal(await quick(dev), 'v1: quick');
    dev.save('lib/version.ts', 'export const version = undefined.nothing;\n');
    const thrown = await dev.code('broken', ({ message }) => /undefined/.test(String(message)));
    assert.deepEqual([thrown['line'], thrown['column']], [1, 34]);
    dev.save('lib/version.ts', "export { version } from './later/version.ts';\n");
    await dev.code('broken', ({ message }) => /Cannot find module/.test(String(message)));
    assert.equal(await quick(dev), 'v1: quick');
    dev.save('later/ignored.txt', 'in another folder');
    dev.save('lib/later/version.ts', version(2));
    await dev.code('loaded');
    assert.equal(await quick(dev), 'v2: quick');
  });

  test('heals an app that was broken from the start: until then chats are refused with the reason', async () => {
    await using dev = await develop({ 'app.ts': 'export const app = 17;\n' });
    assert.equal((await dev.code('broken'))['generation'], 0);
    const refused = await dev.say('hello');
    assert.equal(refused.status, 503);
    assert.equal(refused.body.code, 'code_broken');
    assert.match(String(refused.body.detail), /'\.\/app\.ts' is a number, which is neither an app/);
    const openAi = await fetch(`${dev.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'jims', messages: [{ role: 'user', content: 'hello' }] }),
    });
    assert.equal(openAi.status, 503);
    assert.match(await openAi.text(), /is a number/);
    dev.save('app.ts', "export const app = (ctx) => ctx.sendMessage('healed');\n");
    await dev.code('loaded');
    assert.equal(await quick(dev), 'healed');
    assert.doesNotMatch(dev.output, /starting anew/);
  });

  test('ends the wait for an app that never ends to load', async () => {
    await using dev = await develop(
      {
        'app.ts': "import './lib.ts';\nexport const app = (ctx) => ctx.sendMessage('loaded');\n",
        'lib.ts': 'await new Promise(() => setInterval(() => {}, 1000));\n',
      },
      {
        async whileLoading(folder) {
          // Longer than until its files are watched, on a slow machine.
          await new Promise((resolve) => setTimeout(resolve, 2500));
          writeFileSync(join(folder, 'lib.ts'), 'export {};\n');
        },
      },
    );
    assert.equal(await quick(dev), 'loaded');
  });

  test('that changes what comes before an open question fails the answer, and says so', async () => {
    const app = (before: string): string => `import { defineApp } from 'jims-core';
export const app = defineApp({
  durable: true,
  async pipeline(ctx) {
    ${before}
    await ctx.step('find', () => 1);
    await ctx.ask('Sure?');
    ctx.sendMessage('Done');
  },
});
`;
    await using dev = await develop({ 'app.ts': app('') });
    await dev.say('hello', { contact_id: 'c' });
    dev.save('app.ts', app(`await ctx.step('audit', () => 1);`));
    await dev.code('loaded', ({ generation }) => generation === 2);
    const { status, body } = await dev.say('yes', { contact_id: 'c' });
    assert.equal(status, 500);
    assert.equal(body.code, 'pipeline_changed');
  });

  test('with an exception that nobody catches ends nothing', async () => {
    await using dev = await develop({
      'app.ts': "export const app = (ctx) => ctx.sendMessage('1');\n",
    });
    dev.save(
      'app.ts',
      "setTimeout(() => { throw new Error('from a timer'); });\nexport const app = (ctx) => ctx.sendMessage('2');\n",
    );
    await dev.printed('from a timer');
    await dev.code('loaded', ({ generation }) => generation === 2);
    assert.equal(await quick(dev), '2');
    // Its frames name the file, and not which version of it that is.
    assert.match(dev.output, /app\.ts:1:26/);
    assert.doesNotMatch(dev.output, /\?jims=/);
  });
});
