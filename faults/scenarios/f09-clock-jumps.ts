import { existsSync, globSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { endure } from '../lab/endure.ts';
import {
  Skipped,
  contactNames,
  executionsFile,
  freshDatabase,
  lasts,
  onEachStore,
  startProcesses,
} from '../lab/lab.ts';
import type { Lab, Scenario, StoreName } from '../lab/lab.ts';
import { unleash } from '../lab/nemesis.ts';

const JUMPS = ['+0', '+3600', '-3600', '+7200', '-5', '+0'];

/** F9: the clock of a process is set forward and back while it works. */
export const clockJumps: Scenario = {
  id: 'F9',
  about: 'the clock of a process jumps by hours: SQLite, and one of 3 on PostgreSQL',
  async run(lab) {
    const library = globSync('/usr/lib/*/faketime/libfaketime.so.1')[0];
    if (library === undefined || !existsSync(library)) {
      throw new Skipped('libfaketime is not installed (Debian: apt-get install faketime)');
    }
    await onEachStore(lab, 3, (...where) => jump(library, ...where));
  },
};

async function jump(library: string, lab: Lab, store: StoreName, size: number): Promise<void> {
  const { checks, history } = lab;
  const db = await freshDatabase(lab, store);
  const clock = join(lab.folder, `clock-${store}`);
  const setClock = (offset: string): void => {
    history.write({ what: 'clock', store, offset });
    writeFileSync(clock, `${offset}\n`);
  };
  setClock('+0');
  const env = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: clock,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAULTS_EXECUTIONS: executionsFile(lab),
  };
  const slot = (each: number): object => (each === 0 ? { env } : {});
  await using cluster = await startProcesses(lab, { db, size, slot });
  const until = performance.now() + lasts(lab, 6000, 60_000);
  let jumps = 0;
  const { facts } = await endure(lab, {
    cluster,
    db,
    label: `${store} `,
    talk: {
      contacts: contactNames(6),
      devices: 2,
      until,
      patienceMs: 15_000,
      by: [
        [2, 'chat'],
        [1, 'stream'],
      ],
      commands: [
        [3, ['echo', 0, 500]],
        [1, ['stream', 1, 50]],
      ],
    },
    meanwhile: [
      unleash(lab, {
        until: until - 500,
        pauseMs: [700, 1500],
        harms: [
          {
            name: `${store} jumps`,
            weight: 1,
            do: () => setClock(JUMPS[++jumps % JUMPS.length] ?? '+0'),
          },
        ],
        heal: () => setClock('+0'),
      }),
    ],
    timesAreTrue: false,
  });
  const lost = facts.runs.filter(({ code, attempt }) => code === 'lost' || attempt > 1).length;
  checks.that('I7', lost === 0, () => `${store}: ${lost} runs were taken for lost by a clock`);
}
