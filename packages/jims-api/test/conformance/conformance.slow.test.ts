// Replays the whole corpus against the command, on each store.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import * as v from 'valibot';

import { databaseUrl, postgresUrl, withClient } from '../../../jims-core/test/support/postgres.ts';
import { COMMAND } from '../support/command.ts';

const Report = v.object({
  results: v.array(
    v.object({
      theme: v.string(),
      name: v.string(),
      ok: v.boolean(),
      error: v.optional(v.string()),
    }),
  ),
});

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const RUNNER = fileURLToPath(new URL('run.mjs', import.meta.url));
const CASES = fileURLToPath(new URL('cases', import.meta.url));
const MINUTES = 60_000;
/** A case that is not replayed must not look like one that passed. */
const CASE_COUNT = 453;

/** Beginning of the names of all databases of this run, so that all of them can be dropped. */
const DATABASES = `jims_conformance_${process.pid}_`;

const STORES = [
  { name: 'SQLite', url: () => 'sqlite:///{tmpDir}/t.db' },
  { name: 'PostgreSQL', url: () => databaseUrl(`${DATABASES}RUN`).replace('RUN', '{runId}') },
];

// Much of a replay is waiting that the cases ask for, so the stores go side by side.
describe('conformance', { concurrency: STORES.length, timeout: 5 * MINUTES }, () => {
  after(dropDatabases);
  for (const store of STORES) {
    test(`every answer is as recorded, or better where there is a better one, on ${store.name}`, async () => {
      const found = await failures(store.url());
      assert.ok(found.length === 0, `\n${found.join('\n')}`);
    });
  }
});

async function failures(url: string): Promise<string[]> {
  const { results } = await replay(url);
  assert.equal(results.length, CASE_COUNT);
  return results.flatMap(({ theme, name, ok, error }) =>
    ok ? [] : [`${theme}/${name}: ${error ?? 'failed'}`],
  );
}

/** In the strictest mode: what passes in it passes in the mode `either`, too. */
async function replay(url: string): Promise<v.InferOutput<typeof Report>> {
  const folder = await mkdtemp(join(tmpdir(), 'jims-conformance-'));
  try {
    const report = join(folder, 'report.json');
    const judging = ['--mode', 'better', '--report', report, '--start-timeout', '10000'];
    const server = ['--cmd', serverCommand(), '--env', `JIMS_DB_CONN_URI=${url}`];
    const output = await run([RUNNER, CASES, ...judging, ...server]);
    const text = await readFile(report, 'utf8').catch(() => assert.fail(output));
    return v.parse(Report, JSON.parse(text));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function serverCommand(): string {
  const app = ['--app', './packages/jims-api/test/conformance/app.ts:app'];
  const address = ['--host', '127.0.0.1', '--port', '{port}', '--metrics-port', '{metricsPort}'];
  return [process.execPath, ...COMMAND, ...app, ...address].map((word) => `"${word}"`).join(' ');
}

/** Resolves with what was printed, whatever the exit code: the report says which cases failed. */
function run(args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: ROOT }, (_error, stdout, stderr) => {
      resolve(stdout + stderr);
    });
  });
}

async function dropDatabases(): Promise<void> {
  await withClient(postgresUrl(), async (client) => {
    const find = 'SELECT datname FROM pg_database WHERE starts_with(datname, $1)';
    const { rows } = await client.query<{ datname: string }>(find, [DATABASES]);
    for (const { datname } of rows) {
      await client.query(`DROP DATABASE ${client.escapeIdentifier(datname)} WITH (FORCE)`);
    }
  });
}
