// node scripts/measure-dev.ts, after a build: how fast `jims-api dev` is for somebody who only has npm. Packs the
// packages, installs them in an empty folder, and takes the time from the command to its link, and from a saved file to
// its code in service: 50 times in a row, with a run in flight each time, none of which may be lost.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { freePort } from './free-port.ts';

const STARTS = 7;
const EDITS = 50;
const FLIGHT_MS = 300;
const POLL_MS = 2;
const PATIENCE_MS = 30_000;

const APP = `import { setTimeout } from 'node:timers/promises';
import { defineApp } from 'jims-core';
import { version } from './version.ts';

export const app = defineApp(async (ctx) => {
  if (ctx.lastUserMessage === 'slow') await setTimeout(${FLIGHT_MS});
  ctx.sendMessage(String(version));
});
`;

const folder = mkdtempSync(join(tmpdir(), 'jims-dev-'));
const env = userEnvironment();
try {
  install();
  writeFileSync(join(folder, 'app.ts'), APP);
  save(0);
  for (const kind of ['app.ts', 'demo'] as const) {
    const starts: number[] = [];
    for (let number = 0; number < STARTS; number++) {
      await using dev = await start(kind === 'demo' ? [] : ['app.ts'], kind);
      starts.push(dev.ms);
    }
    report(`command to link, ${kind}`, starts);
  }
  await using dev = await start(['app.ts'], 'app.ts');
  report('edit to live, a run in flight', await edits(dev.url));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The environment of somebody who does not work in this repository. */
function userEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:JIMS|npm|NODE)_/.test(name));
  const path = (process.env['PATH'] ?? '').split(delimiter);
  return {
    ...Object.fromEntries(own),
    PATH: path.filter((entry) => !entry.includes('node_modules')).join(delimiter),
  };
}

function install(): void {
  const pack = ['pack', '--workspaces', '--json', '--pack-destination', folder];
  const packed: unknown = JSON.parse(execFileSync('npm', pack, { encoding: 'utf8' }));
  assert.ok(Array.isArray(packed));
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  const files = packed.map(({ filename }: { filename: string }) => `./${filename}`);
  const args = ['install', '--no-audit', '--no-fund', 'node@24', ...files];
  execFileSync('npm', args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'inherit'] });
}

function save(version: number): void {
  writeFileSync(join(folder, 'version.ts'), `export const version: number = ${version};\n`);
}

interface Started extends AsyncDisposable {
  readonly url: string;
  readonly ms: number;
}

/** Starts the command as npx does, and resolves when its link is printed. */
async function start(args: readonly string[], kind: 'app.ts' | 'demo'): Promise<Started> {
  const cwd = kind === 'demo' ? mkdtempSync(join(folder, 'empty-')) : folder;
  const node = join(folder, 'node_modules/node/bin/node');
  const script = join(folder, 'node_modules/jims-api/bin/jims-api.js');
  const port = String(await freePort());
  const began = performance.now();
  const child = spawn(node, [script, 'dev', ...args, '--port', port], { cwd, env });
  const closed = once(child, 'close');
  let output = '';
  const link = Promise.withResolvers<string>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    const [, url] = /Open (\S+)\/ /.exec(output) ?? [];
    if (url !== undefined) link.resolve(url);
  });
  child.stderr.resume();
  const timer = setTimeout(PATIENCE_MS, undefined, { ref: false });
  const url = await Promise.race([link.promise, timer.then(() => assert.fail(output))]);
  const ms = performance.now() - began;
  return {
    url,
    ms,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}

/** The times of all edits. Each run that was in flight must end with the code that it began with. */
async function edits(url: string): Promise<readonly number[]> {
  const times: number[] = [];
  await say(url, 'quick');
  for (let number = 1; number <= EDITS; number++) {
    const running = say(url, 'slow');
    await setTimeout(FLIGHT_MS / 6);
    save(number);
    const began = performance.now();
    while ((await say(url, 'quick')) !== String(number)) {
      assert.ok(performance.now() - began < PATIENCE_MS, `edit ${number} is never live`);
      await setTimeout(POLL_MS);
    }
    times.push(performance.now() - began);
    assert.equal(await running, String(number - 1), `the run in flight at edit ${number}`);
  }
  return times;
}

async function say(url: string, message: string): Promise<string | undefined> {
  const response = await fetch(`${url}/api/v1/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ contact_id: crypto.randomUUID(), message }),
  });
  assert.equal(response.status, 200);
  const { assistant_messages }: { assistant_messages: readonly string[] } = JSON.parse(
    await response.text(),
  );
  return assistant_messages[0];
}

function report(what: string, times: readonly number[]): void {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (share: number): string =>
    `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)} ms`;
  console.log(`${what}: median ${at(0.5)}, 95 % ${at(0.95)}, most ${at(1)} (${times.length})`);
}
