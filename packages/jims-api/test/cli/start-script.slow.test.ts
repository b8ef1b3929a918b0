// The file that is installed as the command: which Node it runs by, and what comes through to it.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import * as v from 'valibot';

import { COMMAND, folderWith, runCommand, serveCommand } from '../support/command.ts';
import type { CommandOptions, Folder, Running } from '../support/command.ts';

const SCRIPT = fileURLToPath(new URL('../../bin/jims-api.js', import.meta.url));
const APP =
  "console.error('node', ...process.execArgv);\nexport const app = (ctx) => ctx.sendMessage('Hello');\n";
const OLD = preload("if (!process.env.JIMS_API_NODE) versions({ node: '20.1.0' });");
/** As Node 20, which cannot replace a process. */
const OLDER = preload(
  "if (!process.env.JIMS_API_NODE) versions({ node: '20.1.0' }); process.execve = undefined;",
);
const NEEDED = 'jims-api: Node 24.16 or newer is needed, this is';

function preload(code: string): string {
  const script = `const versions = (more) => Object.defineProperty(process, 'versions', { value: { ...process.versions, ...more } });\n${code}`;
  return `--import=data:text/javascript,${encodeURIComponent(script)}`;
}

/** The script as it is installed. */
function installed(files: Readonly<Record<string, string>> = {}): Folder & {
  options(nodeOptions?: string): CommandOptions;
} {
  const folder = folderWith({
    'package.json': '{"type":"module"}',
    'dist/cli/main.js': `import ${JSON.stringify(pathToFileURL(COMMAND.at(-1) ?? '').href)};\n`,
    'app.mjs': APP,
    ...files,
  });
  mkdirSync(join(folder.path, 'bin'));
  const script = join(folder.path, 'bin/jims-api.js');
  copyFileSync(SCRIPT, script);
  return {
    ...folder,
    options: (nodeOptions = '') => ({
      cwd: folder.path,
      env: { NODE_OPTIONS: `--conditions=@jims/source ${nodeOptions}` },
      program: [script],
    }),
  };
}

function withNodePackage(folder: Folder): void {
  mkdirSync(join(folder.path, 'node_modules/node/bin'), { recursive: true });
  writeFileSync(join(folder.path, 'node_modules/node/package.json'), '{"name":"node"}');
  symlinkSync(process.execPath, join(folder.path, 'node_modules/node/bin/node'));
}

const Line = v.pipe(v.string(), v.parseJson(), v.object({ pid: v.number(), msg: v.string() }));

function pidOf(service: Running): number {
  const found = service.log.map((line) => v.safeParse(Line, line)).find(({ success }) => success);
  assert.ok(found?.success);
  return found.output.pid;
}

describe('by a Node that is new enough', { concurrency: 2 }, () => {
  test('Node replaces itself, with its flag', async () => {
    using folder = installed();
    await using service = await serveCommand([], folder.options());
    assert.ok(service.log.includes('node --max-semi-space-size=24'));
    assert.equal(pidOf(service), service.pid);
  });

  test('nothing of NODE_OPTIONS runs twice', async () => {
    using folder = installed();
    const options = folder.options(preload("console.error('preloaded');"));
    await using service = await serveCommand([], options);
    assert.equal(service.log.filter((line) => line === 'preloaded').length, 1);
  });

  test('node --watch starts the service again when a file of the app has changed', async () => {
    using folder = installed({ 'lib.mjs': "export const text = 'one';\n" });
    writeFileSync(join(folder.path, 'app.mjs'), `import './lib.mjs';\n${APP}`);
    const { program = [], ...options } = folder.options();
    await using service = await serveCommand([], { ...options, program: ['--watch', ...program] });
    const count = (): number => service.log.filter((line) => line.includes('"listening"')).length;
    while (count() < 2) {
      // Again and again: when it begins to watch is not said.
      utimesSync(join(folder.path, 'lib.mjs'), new Date(), new Date());
      await new Promise((go) => setTimeout(go, 500));
    }
    service.kill('SIGTERM');
    await service.ended;
  });
});

describe('by an older Node, with the package node in the project', { concurrency: 2 }, () => {
  test('its --watch starts the service again, too: the newer Node says which files it has read', async () => {
    using folder = installed({ 'lib.mjs': "export const text = 'one';\n" });
    writeFileSync(join(folder.path, 'app.mjs'), `import './lib.mjs';\n${APP}`);
    withNodePackage(folder);
    const { program = [], ...options } = folder.options(OLDER);
    await using service = await serveCommand([], { ...options, program: ['--watch', ...program] });
    const count = (): number => service.log.filter((line) => line.includes('"listening"')).length;
    while (count() < 2) {
      // Again and again: when it begins to watch is not said.
      utimesSync(join(folder.path, 'lib.mjs'), new Date(), new Date());
      await new Promise((go) => setTimeout(go, 500));
    }
    service.kill('SIGTERM');
    await service.ended;
  });

  test('the newer Node replaces it where that is possible', async () => {
    using folder = installed();
    withNodePackage(folder);
    await using service = await serveCommand([], folder.options(OLD));
    assert.ok(service.log.includes('node --max-semi-space-size=24'));
    assert.equal(pidOf(service), service.pid);
  });

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    test(`${signal} comes through, and so does the exit code`, async () => {
      using folder = installed();
      withNodePackage(folder);
      await using service = await serveCommand([], folder.options(OLDER));
      assert.notEqual(pidOf(service), service.pid);
      service.kill(signal);
      assert.equal((await service.ended).code, 0);
      assert.match(service.log.join('\n'), /"stopped"/);
    });
  }

  test('a service that is killed ends as a shell says it', async () => {
    using folder = installed();
    withNodePackage(folder);
    await using service = await serveCommand([], folder.options(OLDER));
    process.kill(pidOf(service), 'SIGKILL');
    assert.equal((await service.ended).code, 137);
  });

  test('a service does not go on when the process that was started is killed', async () => {
    using folder = installed();
    withNodePackage(folder);
    await using service = await serveCommand([], folder.options(OLDER));
    service.kill('SIGKILL');
    // Both of them have closed their output.
    await service.ended;
    assert.match(service.log.join('\n'), /"stopped"/);
  });

  test('an exit code of the command is that of the script', async () => {
    using folder = installed();
    withNodePackage(folder);
    assert.equal((await runCommand(['--nope'], folder.options(OLDER))).code, 2);
  });
});

describe('what is missing is one line', { concurrency: 2 }, () => {
  for (const [title, nodeOptions, files, said] of [
    ['no newer Node', OLDER, {}, / v[\d.]+: npm install node@24\n$/],
    [
      'the package node whose script did not run',
      OLDER,
      { 'node_modules/node/package.json': '{"name":"node"}' },
      / v[\d.]+: the package node is installed, but its install script did not run: npm rebuild node --ignore-scripts=false \(with npm 12 before it: npm install-scripts approve node; with pnpm: pnpm approve-builds\)\n$/,
    ],
    [
      'Bun',
      preload("versions({ bun: '1.4.5' });"),
      {},
      / Bun 1\.4\.5: start it by node \(bunx without --bun\)\n$/,
    ],
    ['Deno', preload("versions({ deno: '2.9.6' });"), {}, / Deno 2\.9\.6: start it by node\n$/],
  ] as const) {
    test(title, async () => {
      using folder = installed(files);
      const { code, stdout, stderr } = await runCommand([], folder.options(nodeOptions));
      assert.ok(stderr.startsWith(NEEDED), stderr);
      assert.match(stderr, said);
      assert.equal(stderr.split('\n').length, 2);
      assert.equal(stdout, '');
      assert.equal(code, 1);
    });
  }
});
