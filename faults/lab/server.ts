import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const APPS = fileURLToPath(new URL('..', import.meta.url));
const START_MS = 60_000;

export interface ServerOptions {
  /** For the history and the log file. */
  readonly name: string;
  readonly db: string;
  /** The root of the sources to run. */
  readonly source: string;
  readonly folder: string;
  /** What is served; `app.ts` by default. */
  readonly app?: 'app.ts' | 'durable-app.ts' | 'said-app.ts';
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What comes before `node`, such as `faketime`. */
  readonly wrapper?: readonly string[];
}

/** A process of the command `jims-api` on a free port. */
export interface Server {
  readonly name: string;
  readonly url: string;
  readonly metricsUrl: string;
  readonly pid: number;
  /** False from the moment that it is asked to end. */
  readonly isWanted: boolean;
  /** True between a STOP and a CONT. */
  readonly isFrozen: boolean;
  readonly logFile: string;
  kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void;
  /** Whether it may end by itself from now on. */
  mayEnd(isSo: boolean): void;
  /** How it ended; it never rejects. */
  readonly ended: Promise<ServerEnd>;
  /** Its resident memory. */
  rssBytes(): number;
}

export interface ServerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whether that was what the harness wanted. */
  readonly wasAsked: boolean;
}

const alive = new Set<number>();
process.on('exit', () => {
  for (const pid of alive) killQuietly(pid, 'SIGKILL');
});

/** Starts the command from its sources, and resolves when it listens. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { name, db, source, folder, app = 'app.ts', args = [], env = {}, wrapper = [] } = options;
  const logFile = join(folder, `${name}.log`);
  const [program = process.execPath, ...command] = [
    ...wrapper,
    process.execPath,
    '--conditions=@jims/source',
    join(source, 'packages/jims-api/src/cli/main.ts'),
    `--app=${join(APPS, app)}:app`,
    `--db=${db}`,
    '--host=127.0.0.1',
    '--port=0',
    '--metrics-port=0',
    ...args,
  ];
  const child = spawn(program, command, {
    cwd: folder,
    env: {
      ...cleanEnvironment(),
      FAULTS_CORE: join(source, 'packages/jims-core/src/index.ts'),
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${program} does not start`);
  alive.add(pid);
  let wanted = true;
  let frozen = false;
  const listening = Promise.withResolvers<{ port: number; metricsPort: number }>();
  let partial = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    appendFileSync(logFile, chunk);
    const lines = (partial + chunk).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) if (line.includes('"listening"')) listening.resolve(JSON.parse(line));
  });
  const ended = once(child, 'exit').then(([code, signal]: unknown[]): ServerEnd => {
    alive.delete(pid);
    return {
      code: typeof code === 'number' ? code : null,
      signal: (signal ?? null) as NodeJS.Signals | null,
      wasAsked: !wanted,
    };
  });
  const { port, metricsPort } = await Promise.race([
    listening.promise,
    ended.then(({ code, signal }) => fail(`ended with ${code ?? signal}`, logFile)),
    sleep(START_MS, undefined, { ref: false }).then(() => fail('does not listen', logFile)),
  ]);
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    pid,
    logFile,
    ended,
    get isWanted() {
      return wanted;
    },
    get isFrozen() {
      return frozen;
    },
    kill(signal) {
      if (signal === 'SIGKILL' || signal === 'SIGTERM') wanted = false;
      frozen = signal === 'SIGSTOP';
      killQuietly(pid, signal);
    },
    mayEnd(isSo) {
      wanted = !isSo;
    },
    rssBytes: () => rssOf(pid),
  };
}

/** The last lines of a process's log. */
export function logTail({ logFile }: Pick<Server, 'logFile'>, lines = 15): string {
  try {
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(no log)';
  }
}

function fail(what: string, logFile: string): never {
  throw new Error(`jims-api ${what}:\n${logTail({ logFile })}`);
}

function rssOf(pid: number): number {
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib ?? 0) * 1024;
}

function killQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already.
  }
}

/** The environment of the person who runs this must not change what is tested. */
function cleanEnvironment(): Record<string, string | undefined> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:JIMS_|NODE_|FORCE_COLOR|OTEL|SENTRY|MODEL)/.test(name),
  );
  return Object.fromEntries(inherited);
}
