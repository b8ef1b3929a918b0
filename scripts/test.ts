// npm test: every test, with one PostgreSQL for all of them.
//
//   npm test                                           all
//   npm test -- packages/jims-core/test/event.test.ts  these files
//   npm test -- --test-name-pattern='second message'   flags of `node --test`; values after `=`
//
// TEST_POSTGRES_URL names a server to use instead of starting one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';

import { startPostgres } from './postgres.ts';

const ALL_TESTS = 'packages/*/test/**/*.test.ts';
/** Each file is a process, and many start others: compiled code is kept for all of them, and for the next run. */
const COMPILE_CACHE = 'node_modules/.cache/test-compile';
const TEST_TIMEOUT_MS = 300_000;
/** A test that leaves a timer or a socket open keeps its process alive: then the run is ended and names the file. */
const TOTAL_TIMEOUT_MS = 1_800_000;

const interrupted = new AbortController();
setTimeout(() => interrupted.abort(), TOTAL_TIMEOUT_MS).unref();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => interrupted.abort());
}

const given = process.env['TEST_POSTGRES_URL'];
if (given) {
  process.exitCode = await runTests(given);
} else {
  await using postgres = await startPostgres({ durable: false });
  process.exitCode = await runTests(postgres.url);
}

async function runTests(postgresUrl: string): Promise<number> {
  const args = process.argv.slice(2);
  const files = args.some((arg) => arg.endsWith('.ts')) ? [] : [ALL_TESTS];
  const tests = spawn(
    process.execPath,
    [
      '--conditions=@jims/source',
      '--test',
      `--test-timeout=${TEST_TIMEOUT_MS}`,
      // Many tests wait for timers and other processes: one more than Node's own choice for two cores.
      `--test-concurrency=${Math.max(2, availableParallelism() - 1)}`,
      ...args,
      ...files,
    ],
    {
      env: {
        NODE_COMPILE_CACHE: resolve(COMPILE_CACHE),
        ...process.env,
        TEST_POSTGRES_URL: postgresUrl,
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  interrupted.signal.addEventListener('abort', () => tests.kill());
  if (interrupted.signal.aborted) tests.kill();
  const [code] = await once(tests, 'exit');
  return typeof code === 'number' ? code : 1;
}
