// npm run smoke, after a build: what npm would publish works for somebody who only has npm. Packs both
// packages, installs them in an empty folder, and talks to the README's first app by plain `npx`.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { build } from 'esbuild';

import { freePort } from './free-port.ts';
import { httpReady } from './http-ready.ts';
import { startPostgres } from './postgres.ts';

const MAX_PACKAGES = 60;
const START_TIMEOUT_MS = 30_000;

const APP = `import { defineApp } from 'jims-core';

export const app = defineApp(async (ctx) => {
  ctx.sendMessage(\`You said: \${ctx.lastUserMessage}\`);
});
`;

/** Makes the tables, so that all SQL is there. */
const BUNDLED_APP = `import { openStore } from 'jims-core';

await using store = await openStore(process.argv[2]);
await store.openThread({ contactId: 'smoke' });
`;

/** The command gives Node a flag, whichever Node it finds. */
const PARTICULAR_APP = `export { app } from './app.ts';

if (!process.execArgv.includes('--max-semi-space-size=24')) throw new Error(process.execArgv.join());
`;

const folder = mkdtempSync(join(tmpdir(), 'jims-smoke-'));
const env = await userEnvironment();
try {
  installPackages();
  const packages = countPackages();
  console.log(`a production install has ${packages} packages of others`);
  assert.ok(packages < MAX_PACKAGES, `${packages} packages, fewer than ${MAX_PACKAGES} allowed`);
  if (!canRunTypeScript()) npm(['install', 'node@24']);
  writeFileSync(join(folder, 'app.ts'), APP);

  const port = await freePort();
  const args = ['--app', './app.ts:app', '--port', String(port)];
  const origin = `http://127.0.0.1:${port}`;
  await whileRunning(['npx', 'jims-api', ...args], origin, () => talk(origin));
  console.log('npx jims-api answers');

  // npx does not pass SIGTERM on: who stops the command itself is a supervisor that runs it directly.
  writeFileSync(join(folder, 'particular-app.ts'), PARTICULAR_APP);
  const particular = ['--app', './particular-app.ts:app', '--port', String(port)];
  const code = await whileRunning(['jims-api', ...particular], origin, async () => {});
  assert.equal(code, 0, 'exit code after SIGTERM');
  console.log('SIGTERM ends it with exit code 0');

  await runBundled();
  console.log('a bundle opens a PostgreSQL store');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The environment of somebody who does not work in this repository. */
async function userEnvironment(): Promise<NodeJS.ProcessEnv> {
  const own = Object.entries(process.env).filter(([name]) => !/^(JIMS|npm)_/.test(name));
  const path = (process.env['PATH'] ?? '').split(delimiter);
  const metricsPort = String(await freePort());
  return {
    ...Object.fromEntries(own),
    PATH: [
      join(folder, 'node_modules', '.bin'),
      ...path.filter((entry) => !entry.includes('node_modules')),
    ].join(delimiter),
    JIMS_METRICS_PORT: metricsPort,
  };
}

interface Packed {
  readonly name: string;
  readonly filename: string;
}

function installPackages(): void {
  const pack = ['pack', '--workspaces', '--json', '--pack-destination', folder];
  // A list, or with npm 12 an object.
  const packed: readonly Packed[] = Object.values(
    JSON.parse(execFileSync('npm', pack, { encoding: 'utf8' })),
  );
  const needed = packed.filter(({ name }) => name !== 'create-jims');
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  npm(['install', ...needed.map(({ filename }) => `./${filename}`)]);
}

function npm(args: readonly string[]): void {
  execFileSync('npm', args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Those of others. */
function countPackages(): number {
  const file = join(folder, 'node_modules', '.package-lock.json');
  const lock: { packages: object } = JSON.parse(readFileSync(file, 'utf8'));
  return Object.keys(lock.packages).filter((path) => !path.startsWith('node_modules/jims-')).length;
}

function canRunTypeScript(): boolean {
  const version = execFileSync('node', ['--version'], { env, encoding: 'utf8' });
  return Number(/^v(\d+)/.exec(version)?.[1]) >= 24;
}

/** Starts a command, does `work` when it is ready, sends SIGTERM, and resolves with its exit code. */
async function whileRunning(
  [command = '', ...args]: readonly string[],
  origin: string,
  work: () => Promise<void>,
): Promise<number | null> {
  const child = spawn(command, args, { cwd: folder, env, stdio: 'pipe', detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  }
  const closed = once(child, 'close');
  try {
    await Promise.race([httpReady(origin, START_TIMEOUT_MS), closed]);
    assert.equal(child.exitCode, null, 'it ended before it was ready');
    await work();
  } catch (error) {
    console.error(output);
    throw error;
  } finally {
    terminate(child);
    await closed;
  }
  return child.exitCode;
}

/** Runs an app that a bundler made one file of, away from the packages. */
async function runBundled(): Promise<void> {
  writeFileSync(join(folder, 'bundled-app.ts'), BUNDLED_APP);
  const away = mkdtempSync(join(tmpdir(), 'jims-smoke-bundle-'));
  const bundle = join(away, 'app.mjs');
  try {
    await build({
      entryPoints: [join(folder, 'bundled-app.ts')],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      external: ['pg-native'],
      // The driver is in CommonJS.
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
    });
    await using database = await startPostgres({ durable: false });
    execFileSync('node', [bundle, database.url], { cwd: away, env, stdio: 'inherit' });
  } finally {
    rmSync(away, { recursive: true, force: true });
  }
}

/** The whole process group: `npx` has children. */
function terminate({ pid, exitCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null) process.kill(-pid, 'SIGTERM');
}

async function talk(origin: string): Promise<void> {
  const response = await fetch(`${origin}/api/v1/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ contact_id: 'smoke', message: 'ping' }),
  });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const { assistant_messages }: { assistant_messages: unknown } = JSON.parse(text);
  assert.deepEqual(assistant_messages, ['You said: ping']);
}
