// What `--app` may name, and what is said about the rest.
import assert from 'node:assert/strict';
import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { folderWith, runCommand, runLoader, serveCommand } from '../../support/command.ts';

const GOOD = `
import { defineApp } from 'jims-core';
export const pipeline = (ctx) => ctx.sendMessage('Hello from ' + import.meta.url.split('/').at(-1));
export const app = defineApp(pipeline);
export const object = { name: 'greeter', run: pipeline };
export const promise = Promise.resolve(app);
export const factory = () => app;
export const asyncFactory = async () => app;
export const pipelineFactory = () => pipeline;
export { app as default };
`;

const TYPED = `
import { defineApp, type JimsApp, type ThreadContext } from 'jims-core';
import { greeting } from './greeting.js';
interface Options { readonly name: string }
function greeter({ name }: Options): JimsApp {
  return defineApp((ctx: ThreadContext) => ctx.sendMessage(greeting(name) satisfies string));
}
export const app = greeter({ name: 'types' });
`;

const BAD = `
export const number = 42;
export const text = 'app';
export const nothing = null;
export const list = [];
export class Thing {}
export const givesNumber = () => 42;
export const givesNothing = async () => {};
export const throws = () => { throw new Error('factory broke'); };
export const rejects = async () => { throw new Error('factory broke later'); };
export const rejected = Promise.reject(new Error('promise broke'));
`;

async function answerOf(
  reference: readonly string[],
  files: Readonly<Record<string, string>>,
): Promise<string> {
  using folder = folderWith(files);
  await using service = await serveCommand(reference, { cwd: folder.path });
  const response = await fetch(`${service.url}/api/v1/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ contact_id: 'c', message: 'x' }),
  });
  assert.equal(response.status, 200);
  return response.text();
}

describe('what --app may name', { concurrency: 2 }, () => {
  for (const [name, kind] of [
    ['app', 'an app'],
    ['default', 'an app'],
    ['pipeline', 'a pipeline'],
    ['object', 'a pipeline'],
    ['promise', 'an app'],
    ['factory', 'an app'],
    ['asyncFactory', 'an app'],
    ['pipelineFactory', 'a pipeline'],
  ] as const) {
    test(`the export ${name} of a file`, async () => {
      using folder = folderWith({ 'good.mjs': GOOD });
      const { stdout, stderr } = await runLoader(`./good.mjs:${name}`, folder.path);
      assert.equal(stdout, `${kind}\n`, stderr);
    });
  }

  test('the command serves an app, and what a factory gives', async () => {
    for (const name of ['object', 'pipelineFactory', 'asyncFactory']) {
      const answer = await answerOf(['--app', `./good.mjs:${name}`], { 'good.mjs': GOOD });
      assert.match(answer, /Hello from good\.mjs/);
    }
  });

  test('a file without an export is its app, a name without an ending is a file', async () => {
    assert.match(await answerOf(['--app', 'good.mjs'], { 'good.mjs': GOOD }), /Hello from good/);
    assert.match(await answerOf(['--app', 'good'], { 'good.mjs': GOOD }), /Hello from good/);
    assert.match(await answerOf([], { 'app.mjs': GOOD }), /Hello from app\.mjs/);
  });

  test('the default export is used when there is no export app', async () => {
    const files = {
      'only.mjs': "const app = (ctx) => ctx.sendMessage('by default');\nexport default app;\n",
    };
    assert.match(await answerOf(['--app', './only.mjs'], files), /by default/);
  });

  test('TypeScript, as it is, with its own ways to name files', async () => {
    const files = {
      'app.ts': TYPED,
      'greeting.ts': 'export const greeting = (name: string): string => `Hello, ${name}`;\n',
    };
    assert.match(await answerOf(['--app', './app.ts:app'], files), /Hello, types/);
  });

  test('TypeScript with paths of its tsconfig.json', async () => {
    const files = {
      'app.ts': TYPED.replace('./greeting.js', '~/greeting'),
      'greeting.ts': 'export const greeting = (name: string): string => `Hello, ${name}`;\n',
      'tsconfig.json': '{ "compilerOptions": { /* short */ "paths": { "~/*": ["./*"], }, }, }',
    };
    assert.match(await answerOf(['--app', './app.ts:app'], files), /Hello, types/);
  });
});

describe(
  'what cannot be an app is explained in a line or two, with exit code 1',
  { concurrency: 2 },
  () => {
    const neither =
      'which is neither an app (defineApp), nor a pipeline (ctx) => …, nor a factory () => app';
    for (const [reference, message] of [
      ['./bad.mjs:number', `'./bad.mjs:number' is a number, ${neither}`],
      ['./bad.mjs:text', `'./bad.mjs:text' is a string, ${neither}`],
      ['./bad.mjs:nothing', `'./bad.mjs:nothing' is null, ${neither}`],
      ['./bad.mjs:list', `'./bad.mjs:list' is an array, ${neither}`],
      ['./bad.mjs:Thing', `'./bad.mjs:Thing' is a class, ${neither}`],
      ['./bad.mjs:givesNumber', `'./bad.mjs:givesNumber' gives a number, ${neither}`],
      ['./bad.mjs:givesNothing', `'./bad.mjs:givesNothing' gives undefined, ${neither}`],
      [
        './bad.mjs:throws',
        /^The app factory '\.\/bad\.mjs:throws' failed: factory broke \(\S+\/bad\.mjs:9\)$/,
      ],
      [
        './bad.mjs:rejects',
        /^The app factory '\.\/bad\.mjs:rejects' failed: factory broke later \(\S+\/bad\.mjs:10\)$/,
      ],
      [
        './bad.mjs:rejected',
        /^The app factory '\.\/bad\.mjs:rejected' failed: promise broke \(\S+\/bad\.mjs:11\)$/,
      ],
      [
        './bad.mjs:missing',
        /^'\.\/bad\.mjs' has no export 'missing'; it exports .*\bnumber\b.*\btext\b/,
      ],
      ['./empty.mjs', "'./empty.mjs' has no export 'app'; it exports nothing"],
      ['./nowhere.ts:app', /^There is no app at \S+\/nowhere\.ts: name it with --app FILE:EXPORT$/],
      ['nosuchpackage:app', /^Cannot load 'nosuchpackage': Cannot find package 'nosuchpackage'/],
      ['./bad.mjs:', "--app must be FILE:EXPORT, such as ./app.ts:app, not './bad.mjs:'"],
      [':app', "--app must be FILE:EXPORT, such as ./app.ts:app, not ':app'"],
      [
        './importing.mjs:app',
        /^Cannot load '\.\/importing\.mjs': Cannot find package 'left-pad'.* \(\S+\/importing\.mjs:1\)$/,
      ],
      ['./waiting.mjs:app', "'./waiting.mjs:app' waits for something that never comes"],
      ['./waiting.mjs:gives', "'./waiting.mjs:gives' waits for something that never comes"],
      ['./revoked.mjs:app', /^Cannot load '\.\/revoked\.mjs': .*revoked/],
      ['./enum.ts:app', /^Cannot load '\.\/enum\.ts': [^]*enum[^]*npm install -D tsx$/],
    ] as const) {
      test(reference, async () => {
        using folder = folderWith({
          'bad.mjs': BAD,
          'empty.mjs': '',
          'importing.mjs': "import 'left-pad';\nexport const app = (ctx) => {};\n",
          'waiting.mjs':
            'export const app = new Promise(() => {}); export const gives = () => app;\n',
          'revoked.mjs':
            'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy;\n',
          'enum.ts': 'enum Mood { Good }\nexport const app = (ctx: unknown) => Mood.Good;\n',
        });
        const { code, stdout, stderr } = await runLoader(reference, folder.path);
        assert.equal(code, 1);
        assert.equal(stdout, '');
        const said = stderr.trimEnd();
        if (typeof message === 'string') assert.equal(said, message);
        else assert.match(said, message);
        assert.doesNotMatch(stderr, /^ +at /m, 'no trace');
      });
    }

    test('a link that leads to itself', async () => {
      using folder = folderWith({});
      symlinkSync('app.ts', join(folder.path, 'app.ts'));
      const { code, stderr } = await runLoader('./app.ts', folder.path);
      assert.equal(code, 1);
      assert.match(stderr, /^There is no app at \S+\/app\.ts: name it with --app FILE:EXPORT\n$/);
    });

    test('no app at all', async () => {
      using folder = folderWith({});
      const { code, stderr } = await runCommand([], { cwd: folder.path });
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^jims-api: There is no app at \S+\/app: name it with --app FILE:EXPORT\n$/,
      );
    });
  },
);

test('an app may use its threads while it is loaded: in the database of the command', async () => {
  using folder = folderWith({
    'app.ts': `import { defineApp, newEvent } from 'jims-core';
      export const app = defineApp((ctx) => ctx.sendMessage('I am here'));
      const seed = await app.threads.getOrCreate({ contactId: 'seed', externalId: 'welcome' });
      await seed.append(newEvent('app.seeded', {}));`,
  });
  await using service = await serveCommand(['--db', 'sqlite:///chosen.db', '--max-runs', '7'], {
    cwd: folder.path,
  });
  const threads = await fetch(`${service.url}/api/v1/threads?contact_id=seed`);
  assert.match(await threads.text(), /"external_id":"welcome"/);
  assert.ok(existsSync(join(folder.path, 'chosen.db')));
  assert.ok(!existsSync(join(folder.path, 'jims.db')), 'no other database was made');
});

test('an app that opens itself with options is refused, and hears what to do', async () => {
  using folder = folderWith({
    'app.ts': `import { defineApp } from 'jims-core';
      export const app = defineApp((ctx) => ctx.sendMessage('I am here'));
      await app.open({ store: 'sqlite:///own.db' });`,
  });
  const { code, stderr } = await runCommand([], { cwd: folder.path });
  assert.equal(code, 1);
  assert.match(stderr, /jims-api serves leave open\(\) out/);
});
