// node scripts/try-create.ts, after a build: `npm create jims@latest` as it will be once the packages are
// published, with real package managers, cold caches and the Node of the PATH. Prints how long each part takes.
//
//   node scripts/try-create.ts                      all package managers, the template echo
//   node scripts/try-create.ts npm,bun react        these, and this template
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';

import { freePort } from './free-port.ts';
import { httpReady } from './http-ready.ts';
import { startPackedRegistry } from './packed-registry.ts';

const START_TIMEOUT_MS = 60_000;
const SHELL_TIMEOUT_MS = 180_000;

/** How each makes a project, and runs a script of it. */
const MANAGERS = {
  npm: { create: 'npm create jims@latest my-bot -- --yes --template', run: 'npm run' },
  pnpm: { create: 'pnpm create jims@latest my-bot --yes --template', run: 'pnpm run' },
  yarn: { create: 'yarn create jims my-bot --yes --template', run: 'yarn run' },
  bun: { create: 'bun create jims@latest my-bot --yes --template', run: 'bun run' },
} as const;
/** What brings them; npm is there. */
const TOOLS: Readonly<Record<string, string>> = {
  pnpm: 'pnpm@latest',
  yarn: 'yarn@1.22.22',
  bun: 'bun@latest',
};

type ManagerName = keyof typeof MANAGERS;

const [managers = Object.keys(MANAGERS).join(), template = 'echo'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'jims-create-'));
const packs = join(folder, 'packs');
const tools = join(folder, 'tools');
mkdirSync(packs);
try {
  await using registry = await startPackedRegistry(packs);
  const needed = managers.split(',').flatMap((name) => TOOLS[name] ?? []);
  if (needed.length > 0) {
    const args = 'install --global --allow-scripts=bun,pnpm,yarn --prefix'.split(' ');
    execFileSync('npm', [...args, tools, ...needed], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  for (const name of managers.split(',')) {
    assert.ok(isManager(name), `there is no ${name}`);
    console.log(`\n${name}, ${template}`);
    try {
      await tryManager(name, registry.origin);
    } catch (error) {
      process.exitCode = 1;
      console.error(
        `  ${name} does not work: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function tryManager(name: ManagerName, registry: string): Promise<void> {
  const home = join(folder, name);
  mkdirSync(home);
  writeFileSync(join(home, '.npmrc'), `registry=${registry}/\nyes=true\n`);
  const env = homeEnvironment(home);
  const { create, run } = MANAGERS[name];
  const project = join(home, 'my-bot');
  await timed('create and install', () => shell(`${create} ${template}`, { cwd: home, env }));
  await timed('test', async () => {
    // An older Node than the project's would find no tests, and report that none has failed.
    assert.match(await shell(`${run} test`, { cwd: project, env }), /pass [1-9]/);
  });
  await timed('check', () => shell(`${run} check`, { cwd: project, env }));
  for (const script of ['start', 'dev']) {
    console.log(`  ${await serve(`${run} ${script}`, { cwd: project, env })}`);
  }
}

/** Runs a script that serves, says hello, and resolves with the answer. */
async function serve(command: string, { cwd, env }: Where): Promise<string> {
  const port = await freePort();
  const settings = { JIMS_PORT: String(port), JIMS_METRICS_PORT: String(await freePort()) };
  const started = performance.now();
  const service = spawn('sh', ['-c', `exec ${command}`], {
    cwd,
    env: { ...env, ...settings },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let log = '';
  service.stderr.setEncoding('utf8').on('data', (chunk: string) => (log += chunk));
  const closed = once(service, 'close');
  try {
    await Promise.race([httpReady(`http://127.0.0.1:${port}`, START_TIMEOUT_MS), closed]);
    report(command, started);
    return await say(`http://127.0.0.1:${port}`);
  } catch (error) {
    console.error(log);
    throw error;
  } finally {
    if (service.pid !== undefined && service.exitCode === null) process.kill(-service.pid);
    await closed;
  }
}

interface Where {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** The environment of somebody who has just got this machine: no caches, and nothing of this repository. */
function homeEnvironment(home: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([key]) => !/^(?:JIMS|npm)_|^NODE_/.test(key));
  const path = (process.env['PATH'] ?? '').split(delimiter);
  return {
    ...Object.fromEntries(own),
    HOME: home,
    XDG_CACHE_HOME: join(home, 'cache'),
    CI: '',
    PATH: [
      join(tools, 'bin'),
      ...path.filter((entry) => !entry.endsWith('node_modules/.bin')),
    ].join(delimiter),
  };
}

/** Not `execFileSync`: the registry is in this process. */
async function shell(command: string, { cwd, env }: Where): Promise<string> {
  const child = spawn('sh', ['-c', command], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill(), SHELL_TIMEOUT_MS);
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  if (code !== 0) throw new Error(`${command}\n${await stdout}\n${await stderr}`);
  return stdout;
}

async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  await work();
  report(what, started);
}

function report(what: string, started: number): void {
  console.log(
    `  ${what.padEnd(20)}${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s`,
  );
}

async function say(origin: string): Promise<string> {
  const response = await fetch(`${origin}/api/v1/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ contact_id: 'try', message: 'Hello, 1043 at the harbour' }),
  });
  const { assistant_messages: messages } = Object(await response.json());
  assert.ok(response.ok && Array.isArray(messages), `the answer is ${response.status}`);
  return messages.join(' ');
}

function isManager(name: string): name is ManagerName {
  return Object.hasOwn(MANAGERS, name);
}
