import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { readFacts } from '../check/facts.ts';
import type { Facts } from '../check/facts.ts';
import { checkIntegrity } from '../check/integrity.ts';
import { checkInvariants } from '../check/invariants.ts';
import { makeDiskImage, mountImage } from '../lab/disk-image.ts';
import { endure } from '../lab/endure.ts';
import { LEASE_S, SETTLE_MS, contactNames, lasts, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario } from '../lab/lab.ts';
import type { Message } from '../lab/message.ts';

const FEWEST_CUTS = 2;

/** F2: the power fails. What the disk has then, has all that was acknowledged until then. */
export const powerLoss: Scenario = {
  id: 'F2',
  about: 'power loss on SQLite: a process starts on what the disk had at some moment',
  async run(lab) {
    using disk = makeDiskImage(lab.folder);
    const db = fileUrl(disk.folder);
    await using cluster = await startProcesses(lab, { db, size: 1, leaseS: LEASE_S });
    const until = performance.now() + lasts(lab, 9000, 150_000);
    const sent: Message[] = [];

    async function cutNowAndThen(): Promise<void> {
      let cuts = 0;
      for (; cuts < FEWEST_CUTS || performance.now() < until - 3000; cuts++) {
        const pause = lab.random.between(500, 3000);
        await sleep(pause);
        const image = join(lab.folder, `cut-${cuts}.img`);
        cluster.freeze(0);
        const known = structuredClone(sent.filter(({ ackedAt }) => ackedAt !== undefined));
        disk.copyTo(image);
        cluster.thaw(0);
        lab.history.write({ what: 'power loss', image, acknowledged: known.length });
        await startAgain(lab, image, known);
        if (lab.checks.violations.length === 0) rmSync(image);
      }
      lab.figure('cuts', cuts);
    }

    await endure(lab, {
      cluster,
      db,
      talk: {
        contacts: contactNames(8),
        devices: 2,
        until,
        patienceMs: 15_000,
        pauseMs: 150,
        onMessage: (message) => void sent.push(message),
        by: [
          [2, 'chat'],
          [1, 'stream'],
          [1, 'background'],
        ],
        commands: [[1, ['echo', 0, 40]]],
      },
      meanwhile: [cutNowAndThen()],
    });
  },
};

/** Mounts what the disk had, starts a process on it, and looks for what had been acknowledged. */
async function startAgain(lab: Lab, image: string, messages: readonly Message[]): Promise<void> {
  using disk = mountImage(image);
  const db = fileUrl(disk.folder);
  checkIntegrity(lab.checks, db);
  await using cluster = await startProcesses(lab, { db, size: 1, leaseS: LEASE_S });
  checkInvariants(lab.checks, messages, await allOver(db));
  await cluster.stopAll();
}

/** What is stored when the runs that the power took away are marked lost, or late. */
async function allOver(db: string): Promise<Facts> {
  const until = performance.now() + SETTLE_MS;
  for (;;) {
    const facts = await readFacts(db);
    const isOver = facts.runs.every(({ finishedAt }) => finishedAt !== null);
    if (isOver || performance.now() > until) return facts;
    await sleep(200);
  }
}

function fileUrl(folder: string): string {
  return `sqlite:///${join(folder, 'jims.db')}`;
}
