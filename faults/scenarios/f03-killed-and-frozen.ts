import { setTimeout as sleep } from 'node:timers/promises';

import type { Cluster } from '../lab/cluster.ts';
import { endure } from '../lab/endure.ts';
import { LEASE_S, contactNames, freshDatabase, lasts, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario } from '../lab/lab.ts';
import { unleash } from '../lab/nemesis.ts';
import type { Harm } from '../lab/nemesis.ts';
import { browse } from '../lab/reader.ts';

/** F3 and F18: three processes on PostgreSQL are killed and frozen while contacts talk. */
export const killedAndFrozen: Scenario = {
  id: 'F3',
  about: 'kill -9 and SIGSTOP of 3 processes on PostgreSQL, with canaries (F18)',
  async run(lab) {
    const db = await freshDatabase(lab, 'PostgreSQL');
    await using cluster = await startProcesses(lab, { db, size: 3, leaseS: LEASE_S });
    const until = performance.now() + lasts(lab, 36_000, 300_000);
    const contacts = contactNames(12);
    const { facts } = await endure(lab, {
      cluster,
      db,
      talk: {
        contacts,
        devices: 3,
        until,
        patienceMs: 5000,
        cutChance: 0.02,
        interruptChance: 0.05,
        againChance: 0.1,
        by: [
          [4, 'chat'],
          [3, 'stream'],
          [2, 'background'],
        ],
        commands: [
          [6, ['echo', 0, 300]],
          [2, ['stream', 1, 40]],
          [1, ['deaf', 100, 3000]],
          [1, ['throw', 0, 0]],
        ],
      },
      meanwhile: [
        unleash(lab, {
          until: until - 7000,
          pauseMs: [800, 2300],
          harms: harmsTo(cluster, lab),
          heal: () => cluster.heal(),
        }),
        browse({ ...lab, cluster, random: lab.random.fork(), contacts, until }),
      ],
    });
    lab.figure('left lost', facts.runs.filter(({ code }) => code === 'lost').length);
  },
};

/** Frozen for longer than its lease, so that it comes back fenced out. */
function harmsTo(cluster: Cluster, { random }: Lab): readonly Harm[] {
  const choices = random.fork();
  const aSlot = (): number => choices.between(0, cluster.size - 1);
  return [
    {
      name: 'kill -9',
      weight: 3,
      async do() {
        const slot = aSlot();
        if (cluster.at(slot)?.isFrozen) return;
        await cluster.kill(slot);
        await cluster.start(slot);
      },
    },
    {
      name: 'SIGSTOP',
      weight: 2,
      async do() {
        const slot = aSlot();
        cluster.freeze(slot);
        await sleep(LEASE_S * 1000 + choices.between(500, 4000));
        cluster.thaw(slot);
      },
    },
  ];
}
