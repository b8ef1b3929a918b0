import { setTimeout as sleep } from 'node:timers/promises';

import { openTcpProxy } from '../../packages/jims-core/test/support/tcp-proxy.ts';
import { readFacts } from '../check/facts.ts';
import { checkInvariants } from '../check/invariants.ts';
import { checkNothingIsLeft } from '../check/leftovers.ts';
import {
  SETTLE_MS,
  contactNames,
  executionsFile,
  freshDatabase,
  lasts,
  startProcesses,
} from '../lab/lab.ts';
import type { Scenario } from '../lab/lab.ts';
import { unleash } from '../lab/nemesis.ts';
import { talk } from '../lab/talk.ts';

/** F4: the database crashes, ends connections, and goes out of reach under load. */
export const databaseDown: Scenario = {
  id: 'F4',
  about: 'PostgreSQL crashes, ends all connections, is cut off, and does not answer',
  async run(lab) {
    const { checks, history, random } = lab;
    const postgres = await lab.postgres();
    const db = await freshDatabase(lab, 'PostgreSQL');
    await using network = await openTcpProxy(db);
    await using cluster = await startProcesses(lab, { db: network.url, size: 2 });
    const until = performance.now() + lasts(lab, 25_000, 180_000);
    let slowest = 0;
    const [messages, harm] = await Promise.all([
      talk({
        cluster,
        checks,
        history,
        random: random.fork(),
        contacts: contactNames(10),
        devices: 2,
        until,
        settleMs: SETTLE_MS,
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
      }),
      unleash({
        random: random.fork(),
        until: until - 6000,
        pauseMs: [1000, 2500],
        harms: [
          {
            name: 'crash',
            weight: 2,
            async do() {
              history.write({ what: 'crash of the database' });
              slowest = Math.max(slowest, await postgres.crash());
            },
          },
          {
            name: 'terminate',
            weight: 2,
            async do() {
              history.write({ what: 'all connections ended' });
              await postgres.terminateAll();
            },
          },
          {
            name: 'cut off',
            weight: 2,
            async do() {
              history.write({ what: 'cut off' });
              network.cut();
              await sleep(random.between(200, 3000));
              network.restore();
            },
          },
          {
            name: 'no answer',
            weight: 1,
            async do() {
              history.write({ what: 'no answer' });
              network.stall();
              await sleep(random.between(1000, 5000));
              network.restore();
            },
          },
        ],
        heal: () => network.restore(),
      }),
    ]);
    const facts = await readFacts(db);
    checkInvariants(checks, messages, facts, { executions: executionsFile(lab) });
    await cluster.stopAll();
    await checkNothingIsLeft(checks, postgres);
    lab.figure('messages', messages.length);
    lab.figure('run again', facts.runs.filter(({ attempt }) => attempt > 1).length);
    lab.figure('slowest recovery ms', Math.round(slowest));
    for (const [name, times] of harm) lab.figure(name, times);
  },
};
