import { setTimeout as sleep } from 'node:timers/promises';

import { checkIntegrity } from '../check/integrity.ts';
import { endure } from '../lab/endure.ts';
import { LEASE_S, contactNames, freshDatabase, lasts, startProcesses } from '../lab/lab.ts';
import type { Scenario } from '../lab/lab.ts';
import { unleash } from '../lab/nemesis.ts';

/** F1: the one process on a SQLite file is killed again and again, and put to sleep. */
export const killedOnSqlite: Scenario = {
  id: 'F1',
  about: 'kill -9 and SIGSTOP of the process on a SQLite file, again and again',
  async run(lab) {
    const db = await freshDatabase(lab, 'SQLite');
    await using cluster = await startProcesses(lab, { db, size: 1, leaseS: LEASE_S });
    const until = performance.now() + lasts(lab, 18_000, 240_000);
    await endure(lab, {
      cluster,
      db,
      talk: {
        contacts: contactNames(8),
        devices: 3,
        until,
        patienceMs: 6000,
        cutChance: 0.01,
        interruptChance: 0.02,
        againChance: 0.1,
        by: [
          [4, 'chat'],
          [2, 'stream'],
          [2, 'background'],
        ],
        commands: [
          [8, ['echo', 0, 60]],
          [1, ['stream', 1, 20]],
        ],
      },
      meanwhile: [
        unleash(lab, {
          until: until - 1000,
          // Some die before anything of theirs has run again.
          pauseMs: [20, 2500],
          harms: [
            {
              name: 'kill -9',
              weight: 8,
              async do() {
                await cluster.kill(0);
                await cluster.start(0);
              },
            },
            {
              name: 'SIGSTOP',
              weight: 1,
              async do() {
                cluster.freeze(0);
                await sleep(LEASE_S * 1000 + 500);
                cluster.thaw(0);
              },
            },
          ],
          heal: () => cluster.heal(),
        }),
      ],
    });
    checkIntegrity(lab.checks, db);
  },
};
