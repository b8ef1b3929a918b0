import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type * as Core from 'jims-core';

import { checkFiles, checkSwept } from '../check/files.ts';
import { checkIntegrity } from '../check/integrity.ts';
import { checkNothingIsLeft } from '../check/leftovers.ts';
import { NEVER, askDoomed, askUntilDone, deathsOf, serverAt } from '../lab/deaths.ts';
import type { Death, Grounds } from '../lab/deaths.ts';
import { ACTS, FileClient, FileLedger } from '../lab/file-acts.ts';
import { LEASE_S, SETTLE_MS, freshDatabase, onEachStore, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario, StoreName } from '../lab/lab.ts';
import { untilEnded } from '../lab/until-ended.ts';

const SIZE = 3;

/** F26: processes die at each moment of what is done with files. */
export const killedUnderFiles: Scenario = {
  id: 'F26',
  about: 'processes die at any moment of an upload, of messages with files, and of erasing',
  run: (lab) => onEachStore(lab, SIZE, killUnderFiles),
};

interface Stage extends Grounds {
  readonly store: StoreName;
  readonly db: string;
  readonly ledger: FileLedger;
  deaths: number;
  acts: number;
}

async function killUnderFiles(lab: Lab, store: StoreName, size: number): Promise<void> {
  const { checks } = lab;
  const db = await freshDatabase(lab, store);
  const folder = join(lab.folder, `moments-${store}`);
  mkdirSync(folder);
  await using cluster = await startProcesses(lab, {
    db,
    size,
    leaseS: LEASE_S,
    app: 'said-app.ts',
    env: { FAULTS_MOMENTS: folder },
  });
  const ledger = new FileLedger();
  const stage: Stage = { lab, store, db, cluster, ledger, folder, deaths: 0, acts: 0 };
  const left = [...ACTS];
  await Promise.all(
    Array.from({ length: size }, async (_, slot) => {
      for (let what = left.shift(); what !== undefined; what = left.shift()) {
        // The first time tells how many moments there are.
        const moments = await perform(stage, slot, what, NEVER);
        for (const death of deathsOf(lab, moments)) await perform(stage, slot, what, death);
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
  lab.figure('died under them', stage.deaths);
  lab.figure('files left', swept.rows.length);
}

/** Does an act as somebody new, again after a death. Resolves with how many moments there were. */
async function perform(stage: Stage, slot: number, what: string, death: Death): Promise<number> {
  const { lab, cluster, ledger, store, db } = stage;
  const id = `${store}-${what.replace(' ', '-')}-${++stage.acts}`;
  const client = new FileClient(what, id, ledger);
  await client.prepare(serverAt(cluster, slot));
  client.begins();
  lab.history.write({ what, id, death });
  const { reply, isDead, used } = await askDoomed(stage, slot, (it) => client.go(it), death);
  if (isDead) {
    stage.deaths++;
    await checkFiles(lab.checks, db, ledger);
    await cluster.start(slot);
  }
  const isDone = reply !== undefined && reply.status < 300;
  const done = isDone ? reply : await askUntilDone(stage, slot, (server) => client.go(server));
  if (done) client.done(done);
  return used;
}

/** What is named by nothing goes, as if a day had passed. */
async function sweep({ source }: Lab, db: string): Promise<void> {
  const core = join(source, 'packages/jims-core/src/index.ts');
  const { defineApp }: typeof Core = await import(core);
  await using app = defineApp(() => {});
  await app.open({ store: db, recover: false, fileLimits: { unnamedFileMs: 0 } });
  // Files are swept whenever something is erased.
  await app.threads.delete({ contactId: 'nobody' });
}
