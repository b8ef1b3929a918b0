// The tests, with one PostgreSQL, one browser and one bundle of the command for all of them.
//
//   npm test                                           all but the slow ones
//   npm run test:slow                                  files that end with .slow.test.ts
//   npm test -- packages/jims-core/test/event.test.ts  these files
//   npm test -- --test-name-pattern='second message'   flags of `node --test`; values after `=`
//
// TEST_POSTGRES_URL names a server to use instead of starting one. JIMS_MODEL_RUNS says how often the
// tests of random steps try (see test/run/model.slow.test.ts).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { access, chmod, constants, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { startSharedBrowser } from './browser.ts';
import { bundleCommand } from './command-bundle.ts';
import { startPostgres } from './postgres.ts';

const ALL_TESTS = ['packages/*/test/**/*.test.ts', 'examples/*/*.test.ts'];
const SLOW = '.slow.test.ts';
const SLOW_FLAG = '--slow';
/** The folders that take longest. They begin first, so that no core waits for one of them at the end. */
const LONGEST = [
  'jims-core/test/store/postgres',
  'jims-core/test/run',
  'jims-core/test/store',
  'jims-api/test/conformance',
  'jims-api/test/protocols/jims',
  'jims-api/test/protocols',
  'jims-api/test/protocols/mcp',
  'jims-widget/test',
  'jims-client/test',
  'jims-api/test/server',
  'jims-api/test/docs',
  'jims-api/test/cli/app-loading',
  'jims-api/test/cli/options',
  'jims-api/test/cli',
  'jims-api/test/examples',
  'jims-api/test/cli/dev',
  'jims-api/test/cli/reporting',
  'jims-playground/test',
  'create-jims/test',
].map((name) => join('packages', name));
/** A file system in memory: nothing waits for a disk, which nearly every test does a few times. */
const MEMORY_FOLDER = '/dev/shm';
/** In containers it is often 64 MB. */
const ENOUGH_MEMORY_BYTES = 2 * 1024 ** 3;
/** Few enough that the waiting of one group is filled by the work of others. */
const GROUP_SIZE = 10;
/** Of the files that are quick: most of their time goes by before the sources are loaded. */
const QUICK_GROUP_SIZE = 30;
const PROCESSES_PER_CORE = 3;
/** Compiled code is kept for all processes, those that tests start included. */
const COMPILE_CACHE = 'node_modules/.cache/test-compile';
const TEST_TIMEOUT_MS = 300_000;
/** A test that leaves a timer or a socket open keeps its process alive: then the run is ended and names the file. */
const TOTAL_TIMEOUT_MS = 1_800_000;

const interrupted = new AbortController();
setTimeout(() => interrupted.abort(), TOTAL_TIMEOUT_MS).unref();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => interrupted.abort());
}

await using temporary = await temporaryFolder();
process.env['TMPDIR'] = temporary.path;
const given = process.env['TEST_POSTGRES_URL'];
if (given) {
  process.exitCode = await runTests(given);
} else {
  await using postgres = await startPostgres({ durable: false });
  process.exitCode = await runTests(postgres.url);
}

async function runTests(postgresUrl: string): Promise<number> {
  const isSlow = process.argv.includes(SLOW_FLAG);
  const args = process.argv.slice(2).filter((arg) => arg !== SLOW_FLAG);
  const database = { TEST_POSTGRES_URL: postgresUrl };
  if (args.some((arg) => arg.endsWith('.ts'))) return runNode(args, database);
  // What an earlier run compiled is mostly of apps in temporary folders, which are gone.
  await rm(COMPILE_CACHE, { recursive: true, force: true });
  // Without one the tests of pages say what is missing.
  await using browser = await startSharedBrowser().catch(() => undefined);
  await using command = await bundleCommand();
  const environment = { ...database, ...browser?.environment, ...command.environment };
  const files = globSync(ALL_TESTS).filter((file) => file.endsWith(SLOW) === isSlow);
  return await runNode([...args, ...(await groupFiles(files, temporary.path))], environment);
}

/** The `TMPDIR` of all tests, which is removed with what they leave behind. */
async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const isGiven = process.env['TMPDIR'] !== undefined;
  const base = !isGiven && (await hasMemoryFolder()) ? MEMORY_FOLDER : tmpdir();
  const path = await mkdtemp(join(base, 'jims-test-'));
  // For PostgreSQL, which runs as another user.
  await chmod(path, 0o755);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

async function hasMemoryFolder(): Promise<boolean> {
  try {
    await access(MEMORY_FOLDER, constants.W_OK);
    const { bavail, bsize } = await statfs(MEMORY_FOLDER);
    return bavail * bsize >= ENOUGH_MEMORY_BYTES;
  } catch {
    return false;
  }
}

/**
 * Files that import the tests, some each. `node --test` starts a process for each file that it is given,
 * and half a second goes by before such a process has loaded the sources.
 */
async function groupFiles(tests: readonly string[], folder: string): Promise<readonly string[]> {
  const files = tests.toSorted();
  const long = LONGEST.flatMap((path) => {
    const ofFolder = files.filter((file) => dirname(file) === path);
    return groupsOf(ofFolder, GROUP_SIZE);
  });
  const rest = files.filter((file) => !LONGEST.includes(dirname(file)));
  const groups = [...long, ...groupsOf(rest, QUICK_GROUP_SIZE)].map((group, index) => {
    const [first = ''] = group;
    const name = `${String(index).padStart(2, '0')} ${dirname(first).replaceAll('/', ' ')}.test.mjs`;
    return { file: join(folder, name), group };
  });
  for (const { file, group } of groups) {
    const imports = group.map((test) => `import '${pathToFileURL(resolve(test)).href}';\n`);
    await writeFile(file, imports.join(''));
  }
  return groups.map(({ file }) => file);
}

function groupsOf(files: readonly string[], size: number): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(files.length / size) }, (_, index) =>
    files.slice(index * size, (index + 1) * size),
  );
}

async function runNode(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  const tests = spawn(
    process.execPath,
    [
      '--conditions=@jims/source',
      '--test',
      `--test-timeout=${TEST_TIMEOUT_MS}`,
      // Many tests wait for timers and other processes.
      `--test-concurrency=${availableParallelism() * PROCESSES_PER_CORE}`,
      ...args,
    ],
    {
      env: {
        NODE_COMPILE_CACHE: resolve(COMPILE_CACHE),
        ...process.env,
        ...environment,
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  interrupted.signal.addEventListener('abort', () => tests.kill());
  if (interrupted.signal.aborted) tests.kill();
  const [code] = await once(tests, 'exit');
  return typeof code === 'number' ? code : 1;
}
