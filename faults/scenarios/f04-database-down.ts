import { setTimeout as sleep } from 'node:timers/promises';

import { openTcpProxy } from '../../packages/jims-core/test/support/tcp-proxy.ts';
import type { TcpProxy } from '../../packages/jims-core/test/support/tcp-proxy.ts';
import { endure } from '../lab/endure.ts';
import { LEASE_S, contactNames, freshDatabase, lasts, startProcesses } from '../lab/lab.ts';
import type { Scenario } from '../lab/lab.ts';
import { unleash } from '../lab/nemesis.ts';
import type { Harm } from '../lab/nemesis.ts';
import type { PostgresServer } from '../lab/postgres-server.ts';
import type { Random } from '../lab/random.ts';

const LOST_ANSWERS = 20;

/** F4: the database crashes, ends connections, and goes out of reach under load. */
export const databaseDown: Scenario = {
  id: 'F4',
  about: 'PostgreSQL crashes, ends connections, is cut off, does not answer or is not heard',
  async run(lab) {
    const postgres = await lab.postgres();
    const db = await freshDatabase(lab, 'PostgreSQL');
    await using network = await openTcpProxy(db);
    await using cluster = await startProcesses(lab, { db: network.url, size: 2, leaseS: LEASE_S });
    const until = performance.now() + lasts(lab, 23_000, 180_000);
    let slowest = 0;
    await endure(lab, {
      cluster,
      db,
      talk: {
        contacts: contactNames(10),
        devices: 2,
        until,
        patienceMs: 8000,
        againChance: 0.1,
        by: [
          [4, 'chat'],
          [2, 'stream'],
          [2, 'background'],
        ],
        commands: [
          [6, ['echo', 0, 200]],
          [2, ['stream', 1, 40]],
          [1, ['throw', 0, 0]],
        ],
      },
      meanwhile: [
        unleash(lab, {
          until: until - 6000,
          pauseMs: [300, 1500],
          harms: [
            {
              name: 'crash',
              weight: 2,
              async do() {
                slowest = Math.max(slowest, await postgres.crash());
              },
            },
            ...harmsTo(postgres, network, lab.random.fork()),
          ],
          async heal() {
            network.restore();
            // Last, as a lease that runs out would end the runs that nobody knows of.
            await loseAnswers(network);
          },
        }),
      ],
    });
    lab.figure('slowest recovery ms', Math.round(slowest));
  },
};

function harmsTo(postgres: PostgresServer, network: TcpProxy, random: Random): readonly Harm[] {
  return [
    {
      name: 'terminate',
      weight: 2,
      do: async () => void (await postgres.terminateAll()),
    },
    {
      name: 'cut off',
      weight: 2,
      async do() {
        network.cut();
        await sleep(random.between(200, 3000));
        network.restore();
      },
    },
    {
      name: 'no answer',
      weight: 1,
      async do() {
        network.stall();
        await sleep(random.between(1000, 5000));
        network.restore();
      },
    },
    { name: 'not heard', weight: 2, do: () => loseAnswers(network) },
  ];
}

/** The statement is executed, and its answer is lost. */
async function loseAnswers(network: TcpProxy): Promise<void> {
  for (let n = 0; n < LOST_ANSWERS; n++) {
    network.loseNextAnswer(n % 2 === 0 ? 'accept_run' : '');
    await sleep(50);
  }
}
