<<<<<<< HEAD
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import * as v from 'valibot';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** A folder for one test: an app, a `.env`, a database. */
export interface Folder extends Disposable {
  readonly path: string;
}

export function folderWith(files: Readonly<Record<string, string>>): Folder {
  const path = mkdtempSync(join(tmpdir(), 'jims-cli-'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export interface CommandOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
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
    log,
    ended: end,
    kill: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await end;
    },
  };
}

function start(args: readonly string[], { cwd, env = {} }: CommandOptions): ChildProcess {
  const command = ['--conditions=@jims/source', MAIN, ...args];
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:JIMS_|NODE_|FORCE_COLOR)/.test(name),
  );
  return spawn(process.execPath, command, {
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
=======
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));

export interface RunningCommand extends AsyncDisposable {
  readonly origin: string;
  /** Everything that it has printed. */
  readonly output: () => string;
  /** Stops it as a supervisor does, and resolves with its exit code. */
  stop(): Promise<number | null>;
}

export interface CommandOptions {
  /** The source of the app's module. */
  readonly app: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the command `jims-api` in a folder of its own, and resolves when it listens. */
export async function startCommand(options: CommandOptions): Promise<RunningCommand> {
  const folder = mkdtempSync(join(tmpdir(), 'jims-test-'));
  symlinkSync(MODULES, join(folder, 'node_modules'));
  const app = join(folder, 'app.ts');
  writeFileSync(app, options.app);
  const ports = ['--host', '127.0.0.1', '--port', '0', '--metrics-port', '0'];
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(?:JIMS|OTEL|SENTRY|OPENAI|MODEL)/.test(name),
  );
  const child = spawn(
    process.execPath,
    ['--conditions=@jims/source', MAIN, '--app', `${app}:app`, ...ports, ...(options.args ?? [])],
    { cwd: folder, env: { ...Object.fromEntries(own), ...options.env }, stdio: 'pipe' },
  );
  let output = '';
  const closed = once(child, 'close');
  const listening = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      const port = /"port":(\d+).*"listening"/.exec(output)?.[1];
      if (port) listening.resolve(`http://127.0.0.1:${port}`);
    });
  }
  void closed.then(() => listening.reject(new Error(`it ended before it listened: ${output}`)));

  async function stop(): Promise<number | null> {
    if (child.exitCode === null) child.kill('SIGTERM');
    await closed;
    rmSync(folder, { recursive: true, force: true });
    return child.exitCode;
  }

  try {
    const origin = await listening.promise;
    return {
      origin,
      output: () => output,
      stop,
      async [Symbol.asyncDispose]() {
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Asks a running service, and gives its answer as it is. */
export async function chat(
  origin: string,
  message: string,
  more: object = {},
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const response = await fetch(`${origin}/api/v1/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ contact_id: 'c', message, ...more }),
  });
  const body: Record<string, unknown> = JSON.parse(await response.text());
  return { status: response.status, body };
}

/** For NODE_OPTIONS: looks for a package where there is none, as in an installation without it. */
export function hidePackage(name: string): string {
  const hook = `import { registerHooks } from 'node:module';
registerHooks({ resolve(specifier, context, next) {
  const parentURL = specifier === '${name}' ? 'file:///nowhere/x.mjs' : context.parentURL;
  return next(specifier, { ...context, parentURL });
} });`;
  return `--import=data:text/javascript,${encodeURIComponent(hook)}`;
>>>>>>> 680975a (Send traces by OpenTelemetry when OTEL_* asks, errors and traces to Sentry, without what was said)
}
