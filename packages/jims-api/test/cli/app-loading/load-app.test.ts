// What `--app` may name, and what is said about the rest.
import assert from 'node:assert/strict';
import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { folderWith, runCommand, serveCommand } from '../../support/command.ts';
import { loadApps } from '../../support/load-apps.ts';
import type { LoadOutcome } from '../../support/load-apps.ts';
import { chat } from '../../support/served-app.ts';

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
import { end } from '~/end';
interface Options { readonly name: string }
function greeter({ name }: Options): JimsApp {
  return defineApp((ctx: ThreadContext) => ctx.sendMessage((greeting(name) satisfies string) + end));
}
export const app = async () => greeter({ name: 'types' });
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
`;

const GREETING = 'export const greeting = (name: string): string => `Hello, ${name}`;\n';

describe('what --app may name', () => {
  const apps = [
    ['./good.mjs:app', 'an app'],
    ['./good.mjs:default', 'an app'],
    ['./good.mjs:pipeline', 'a pipeline', 'pipeline'],
    ['./good.mjs:object', 'a pipeline', 'greeter'],
    ['./good.mjs:promise', 'an app'],
    ['./good.mjs:factory', 'an app'],
    ['./good.mjs:asyncFactory', 'an app'],
    ['./good.mjs:pipelineFactory', 'a pipeline', 'pipeline'],
    // The export `app` of a file without an ending, of its default name, or else its default.
    ['good.mjs', 'an app'],
    ['good', 'an app'],
    ['app', 'an app'],
    ['./only.mjs', 'a pipeline', 'only'],
  ] as const;
  const files = {
    'good.mjs': GOOD,
    'app.mjs': GOOD,
    'only.mjs': 'const only = (ctx) => {};\nexport default only;\n',
  };
  let outcomes: readonly LoadOutcome[] = [];
  before(async () => {
    outcomes = await loadApps(apps.map(([reference]) => ({ reference, files })));
  });
  for (const [index, [reference, kind, name]] of apps.entries()) {
    test(`${reference} is ${kind}`, () => {
      assert.deepEqual(outcomes[index], { kind, ...(name !== undefined && { name }) });
    });
  }

  test('the command serves what a factory gives: TypeScript, with paths of its tsconfig.json', async () => {
    using folder = folderWith({
      'app.ts': TYPED,
      'greeting.ts': GREETING,
      'end.ts': "export const end: string = '!';\n",
      'tsconfig.json': '{ "compilerOptions": { /* short */ "paths": { "~/*": ["./*"], }, }, }',
    });
    await using service = await serveCommand([], { cwd: folder.path });
    const { status, body } = await chat(service.url, 'x');
    assert.equal(status, 200);
    assert.deepEqual(body['assistant_messages'], ['Hello, types!']);
  });
});

describe('what cannot be an app is explained in a line or two', () => {
  const neither =
    'which is neither an app (defineApp), nor a pipeline (ctx) => …, nor a factory () => app';
  const refused = [
    ['./bad.mjs:number', `'./bad.mjs:number' is a number, ${neither}`],
    ['./bad.mjs:text', `'./bad.mjs:text' is a string, ${neither}`],
    ['./bad.mjs:nothing', `'./bad.mjs:nothing' is null, ${neither}`],
    ['./bad.mjs:list', `'./bad.mjs:list' is an array, ${neither}`],
    ['./bad.mjs:Thing', `'./bad.mjs:Thing' is a class, ${neither}`],
    ['./bad.mjs:givesNumber', `'./bad.mjs:givesNumber' gives a number, ${neither}`],
    ['./bad.mjs:givesNothing', `'./bad.mjs:givesNothing' gives undefined, ${neither}`],
    [
      './bad.mjs:throws',
      /^The app factory '\.\/bad\.mjs:throws' failed: factory broke \(bad\.mjs:9\)$/,
    ],
    [
      './bad.mjs:rejects',
      /^The app factory '\.\/bad\.mjs:rejects' failed: factory broke later \(bad\.mjs:10\)$/,
    ],
    [
      './rejected.mjs',
      /^The app factory '\.\/rejected\.mjs' failed: promise broke \(rejected\.mjs:1\)$/,
    ],
    [
      './bad.mjs:missing',
      /^'\.\/bad\.mjs' has no export 'missing'; it exports .*\bnumber\b.*\btext\b/,
    ],
    ['./empty.mjs', "'./empty.mjs' has no export 'app'; it exports nothing"],
    ['./unset.mjs', /^The export 'app' of '\.\/unset\.mjs' is undefined: it must be/],
    [
      './misspelt.mjs',
      /^Cannot load .*: The pipeline of the app is undefined: .* \(misspelt\.mjs:2\)$/,
    ],
    ['./pathless.mjs', /subpath '\.\/no' .* imported from \S*pathless\.mjs \(pathless\.mjs:1\)$/],
    ['./missing.ts:app', /^There is no app at missing\.ts: name it with --app FILE:EXPORT$/],
    ['nosuchpackage:app', /^Cannot load 'nosuchpackage': Cannot find package 'nosuchpackage'/],
    ['./bad.mjs:', "--app must be FILE:EXPORT, such as ./app.ts:app, not './bad.mjs:'"],
    [':app', "--app must be FILE:EXPORT, such as ./app.ts:app, not ':app'"],
    [
      './importing.mjs:app',
      /^Cannot load '\.\/importing\.mjs': Cannot find package 'left-pad'.* \(importing\.mjs:1\)$/,
    ],
    ['./waiting.mjs:app', "'./waiting.mjs:app' waits for something that never comes"],
    ['./waiting.mjs:gives', "'./waiting.mjs:gives' waits for something that never comes"],
    ['./revoked.mjs:app', /^Cannot load '\.\/revoked\.mjs': .*revoked/],
    ['./enum.ts:app', /^Cannot load '\.\/enum\.ts': [^]*enum[^]*npm install -D tsx$/],
  ] as const;
  const files = {
    'bad.mjs': BAD,
    'rejected.mjs': "export const app = Promise.reject(new Error('promise broke'));\n",
    'empty.mjs': '',
    'importing.mjs': "import 'left-pad';\nexport const app = (ctx) => {};\n",
    'waiting.mjs': 'export const app = new Promise(() => {}); export const gives = () => app;\n',
    'unset.mjs': 'export const app = undefined;\n',
    'misspelt.mjs':
      "import { defineApp } from 'jims-core';\nexport const app = defineApp({ pipline: () => {} });\n",
    'pathless.mjs': "import 'jims-core/no';\nexport const app = (ctx) => {};\n",
    'revoked.mjs': 'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy;\n',
    'enum.ts': 'enum Mood { Good }\nexport const app = (ctx: unknown) => Mood.Good;\n',
  };
  let outcomes: readonly LoadOutcome[] = [];
  before(async () => {
    outcomes = await loadApps(refused.map(([reference]) => ({ reference, files })));
  });
  for (const [index, [reference, message]] of refused.entries()) {
    test(reference, () => {
      const outcome = outcomes[index];
      assert.ok(outcome && 'refusal' in outcome);
      if (typeof message === 'string') assert.equal(outcome.refusal, message);
      else assert.match(outcome.refusal, message);
    });
  }

  test('a link that leads to itself', async () => {
    using folder = folderWith({});
    symlinkSync('app.ts', join(folder.path, 'app.ts'));
    const { code, stderr } = await runCommand(['--app', './app.ts'], { cwd: folder.path });
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^jims-api: There is no app at \S+\/app\.ts: name it with --app FILE:EXPORT\n$/,
    );
  });

  test('the command prints it alone, and exits with 1', async () => {
    using folder = folderWith({});
    const { code, stdout, stderr } = await runCommand([], { cwd: folder.path });
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.equal(
      stderr,
      `jims-api: There is no app at ${folder.path}/app: name it with --app FILE:EXPORT\n`,
    );
  });
});

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
