import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';

import * as v from 'valibot';

/** The bundle of a whole run of the tests: from the sources a start takes twice the time. */
const BUNDLE = process.env['TEST_COMMAND_FOLDER'];
const MAIN =
  BUNDLE === undefined
    ? fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
    : join(BUNDLE, 'main.js');
/** What a program needs that imports the packages of this repository. */
export const PROGRAM_FLAGS: readonly string[] = [
  '--conditions=@jims/source',
  ...(BUNDLE === undefined ? [] : [`--import=${pathToFileURL(join(BUNDLE, 'resolve.js')).href}`]),
];
/** What Node runs as `jims-api`. */
export const COMMAND: readonly string[] = [...PROGRAM_FLAGS, MAIN];

/** A folder for one test: an app, a `.env`, a database. */
export interface Folder extends Disposable {
  readonly path: string;
}

/** Names may lead into folders, which are made. */
export function folderWith(files: Readonly<Record<string, string | Buffer>>): Folder {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'jims-cli-')));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export interface CommandOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What Node is to run, with its flags; default: the command from its sources. */
  readonly program?: readonly string[];
}

/** How the command ended, and what it printed. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that listens. */
export interface Running extends AsyncDisposable {
  readonly url: string;
  readonly metricsUrl: string;
  /** Of the process that was started. */
  readonly pid: number | undefined;
  /** Log lines so far. */
  readonly log: readonly string[];
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
}

const Listening = v.object({
  msg: v.literal('listening'),
  port: v.number(),
  metricsPort: v.number(),
});

/** Runs `jims-api` to its end. */
export async function runCommand(args: readonly string[], options: CommandOptions): Promise<Ended> {
  return ended(start(args, options));
}

/** Starts `jims-api`; `said` resolves when something is on its standard output. */
export function startCommand(
  args: readonly string[],
  options: CommandOptions,
): Pick<Running, 'kill' | 'ended'> & { readonly said: Promise<void> } {
  const child = start(args, options);
  const said = Promise.withResolvers<void>();
  child.stdout?.once('data', () => said.resolve());
  return { said: said.promise, kill: (signal) => void child.kill(signal), ended: ended(child) };
}

/** Runs `jims-api` on free ports, and resolves when it listens. */
export async function serveCommand(
  args: readonly string[],
  options: CommandOptions,
): Promise<Running> {
  const child = start(
    ['--host', '127.0.0.1', '--port', '0', '--metrics-port', '0', ...args],
    options,
  );
  const log: string[] = [];
  const listening = Promise.withResolvers<v.InferOutput<typeof Listening>>();
  let partial = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (partial + chunk).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) {
      log.push(line);
      const found = v.safeParse(v.pipe(v.string(), v.parseJson(), Listening), line);
      if (found.success) listening.resolve(found.output);
    }
  });
  const end = ended(child);
  const { port, metricsPort } = await Promise.race([
    listening.promise,
    end.then(({ code }) => assert.fail(`ended with ${code}: ${log.join('\n')}`)),
  ]);
  return {
    url: `http://127.0.0.1:${port}`,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    pid: child.pid,
    log,
    ended: end,
    kill: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await end;
    },
  };
}

function start(args: readonly string[], options: CommandOptions): ChildProcess {
  const { cwd, env = {}, program = COMMAND } = options;
  const inherited = Object.entries(process.env).filter(
    // The compile cache stays: a start without it costs twice the time.
    ([name]) => name === 'NODE_COMPILE_CACHE' || !/^(?:JIMS_|NODE_|FORCE_COLOR)/.test(name),
  );
  return spawn(process.execPath, [...program, ...args], {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function ended(child: ChildProcess): Promise<Ended> {
  assert.ok(child.stdout && child.stderr);
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const [code] = await once(child, 'close');
  return {
    code: typeof code === 'number' ? code : null,
    stdout: await stdout,
    stderr: await stderr,
  };
}
