import { DatabaseSync } from 'node:sqlite';

import { readFacts } from '../check/facts.ts';
import { checkInvariants } from '../check/invariants.ts';
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

/** F1: the one process on a SQLite file is killed again and again. */
export const killedOnSqlite: Scenario = {
  id: 'F1',
  about: 'kill -9 of the process on a SQLite file, again and again',
  async run(lab) {
    const { checks, history, random } = lab;
    const db = await freshDatabase(lab, 'SQLite');
    await using cluster = await startProcesses(lab, { db, size: 1 });
    const until = performance.now() + lasts(lab, 25_000, 400_000);
    const [messages, harm] = await Promise.all([
      talk({
        cluster,
        checks,
        history,
        random: random.fork(),
        contacts: contactNames(8),
        devices: 3,
        until,
        settleMs: SETTLE_MS,
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
      }),
      unleash({
        random: random.fork(),
        until: until - 1000,
        // Some die before anything of theirs has run again.
        pauseMs: [20, 2500],
        harms: [
          {
            name: 'kill -9',
            weight: 1,
            async do() {
              await cluster.kill(0);
              await cluster.start(0);
            },
          },
        ],
        heal: () => cluster.heal(),
      }),
    ]);
    await cluster.stopAll();
    const facts = await readFacts(db);
    checkInvariants(checks, messages, facts, { executions: executionsFile(lab) });
    using file = new DatabaseSync(db.slice('sqlite:///'.length));
    const integrity = file.prepare('PRAGMA integrity_check').get()?.['integrity_check'];
    checks.that('I1', integrity === 'ok', () => `the file is damaged: ${String(integrity)}`);
    lab.figure('messages', messages.length);
    lab.figure('run again', facts.runs.filter(({ attempt }) => attempt > 1).length);
    for (const [name, times] of harm) lab.figure(name, times);
  },
};
