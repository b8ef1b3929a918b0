import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type * as Core from 'jims-core';

import { checkFiles, checkSwept } from '../check/files.ts';
import { checkIntegrity } from '../check/integrity.ts';
import { checkNothingIsLeft } from '../check/leftovers.ts';
import type { Cluster } from '../lab/cluster.ts';
import { ACTS, FileClient, FileLedger } from '../lab/file-acts.ts';
import { LEASE_S, SETTLE_MS, freshDatabase, onEachStore, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario, StoreName } from '../lab/lab.ts';
import { armMoments, momentsLeft } from '../lab/moments.ts';
import { untilEnded } from '../lab/until-ended.ts';

const SIZE = 3;
const NEVER = 1_000_000;
const PATIENCE_MS = 60_000;
/** Of the long form: how often each act is killed from outside, and how late at most. */
const LONG_KILLS = 15;
const KILL_MS = 60;

/** F26: processes die at each moment of what is done with files. */
export const killedUnderFiles: Scenario = {
  id: 'F26',
  about: 'kill -9 at any moment of an upload, of messages with files, and of erasing',
  run: (lab) => onEachStore(lab, SIZE, killUnderFiles),
};

/** When a process dies under an act: after so many moments, or killed after so many milliseconds. */
type Death = { readonly moments: number } | { readonly ms: number };

interface Stage {
  readonly lab: Lab;
  readonly store: StoreName;
  readonly db: string;
  readonly cluster: Cluster;
  readonly ledger: FileLedger;
  /** Where processes find how many moments they have left. */
  readonly folder: string;
  deaths: number;
  acts: number;
}

async function killUnderFiles(lab: Lab, store: StoreName, size: number): Promise<void> {
  const { checks } = lab;
  const db = await freshDatabase(lab, store);
  const folder = join(lab.folder, `moments-${store}`);
  mkdirSync(folder);
  const env = { FAULTS_MOMENTS: folder };
  await using cluster = await startProcesses(lab, {
    db,
    size,
    leaseS: LEASE_S,
    app: 'said-app.ts',
    env,
  });
  const ledger = new FileLedger();
  const stage: Stage = { lab, store, db, cluster, ledger, folder, deaths: 0, acts: 0 };
  const left = [...ACTS];
  await Promise.all(
    Array.from({ length: size }, async (_, slot) => {
      for (let what = left.shift(); what !== undefined; what = left.shift()) {
        await dieUnder(stage, slot, what);
      }
    }),
  );
  await untilEnded(db, performance.now() + SETTLE_MS);
  await cluster.stopAll();
  await checkFiles(checks, db, ledger);
  await sweep(lab, db);
  const swept = await checkFiles(checks, db, { ...ledger, kept: new Map() });
  checkSwept(checks, swept, ledger);
  if (store === 'SQLite') checkIntegrity(checks, db);
  else await checkNothingIsLeft(checks, await lab.postgres());
  lab.figure(`${store}: acts`, stage.acts);
  lab.figure(`${store}: died under them`, stage.deaths);
  lab.figure(`${store}: files left`, swept.rows.length);
}

/** Does an act again and again: at first to count its moments, and then with a death after each of them. */
async function dieUnder(stage: Stage, slot: number, what: string): Promise<void> {
  const { lab } = stage;
  const total = await perform(stage, slot, what, { moments: NEVER });
  stage.lab.history.write({ what: 'moments', of: what, total });
  if (!lab.isLong) {
    await perform(stage, slot, what, { moments: lab.random.between(1, total) });
    return;
  }
  for (let moments = 1; moments <= total + 1; moments++) {
    await perform(stage, slot, what, { moments });
  }
  for (let kill = 0; kill < LONG_KILLS; kill++) {
    await perform(stage, slot, what, { ms: lab.random.next() * KILL_MS });
  }
}

/** Resolves with how many moments there were. */
async function perform(stage: Stage, slot: number, what: string, death: Death): Promise<number> {
  const { lab, cluster, ledger, folder, store, db } = stage;
  const id = `${store}-${what.replace(' ', '-')}-${++stage.acts}`;
  const client = new FileClient(what, id, ledger);
  const server = serverAt(cluster, slot);
  await client.prepare(server);
  client.begins();
  const moments = 'moments' in death ? death.moments : NEVER;
  server.mayEnd(true);
  armMoments(folder, server.pid, moments);
  if ('ms' in death) void sleep(death.ms).then(() => server.kill('SIGKILL'));
  lab.history.write({ what, id, death });
  const reply = await client.go(server).catch(() => undefined);
  const isDead = 'ms' in death || reply === undefined;
  const used = moments - momentsLeft(folder, server.pid);
  if (!isDead) {
    armMoments(folder, server.pid, NEVER);
    server.mayEnd(false);
  } else {
    stage.deaths++;
    await server.ended;
    await checkFiles(lab.checks, db, ledger);
    await cluster.start(slot);
  }
  if (reply && reply.status < 300) client.done(reply);
  else await again(stage, slot, client);
  return used;
}

/** Does an act until it is done. */
async function again({ lab, cluster }: Stage, slot: number, client: FileClient): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  let last = 'no answer';
  while (performance.now() < until) {
    const reply = await client.go(serverAt(cluster, slot)).catch(() => undefined);
    if (reply && (reply.status < 300 || reply.status === 404)) return client.done(reply);
    last = reply?.text ?? last;
    await sleep(100);
  }
  lab.checks.that('I7', false, () => `an act with files is never done: ${last}`);
}

function serverAt(cluster: Cluster, slot: number): NonNullable<ReturnType<Cluster['at']>> {
  const server = cluster.at(slot);
  if (server) return server;
  throw new Error(`No process is in slot ${slot}`);
}

/** What is named by nothing goes, as if a day had passed. */
async function sweep({ source }: Lab, db: string): Promise<void> {
  const { defineApp }: typeof Core = await import(
    join(source, 'packages/jims-core/src/index.ts')
  );
  await using app = defineApp(() => {});
  await app.open({ store: db, recover: false, fileLimits: { unnamedFileMs: 0 } });
  // Files are swept whenever a thread is erased.
  await app.threads.delete({ contactId: 'nobody' });
}
