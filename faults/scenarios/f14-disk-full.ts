import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { only } from '../lab/ask.ts';
import { endure } from '../lab/endure.ts';
import { contactNames, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario } from '../lab/lab.ts';
import type { Server } from '../lab/server.ts';
import { mountSmallDisk } from '../lab/small-disk.ts';
import type { SmallDisk } from '../lab/small-disk.ts';

/** The log of a SQLite file alone grows to 16 MiB. */
const DISK_KIB = 48 * 1024;

/** F14: the disk of the database is full for a while, and again. */
export const diskFull: Scenario = {
  id: 'F14',
  about: 'the disk of SQLite is full for a while, again and again',
  async run(lab) {
    using disk = mountSmallDisk(join(lab.folder, 'disk'), DISK_KIB);
    const db = `sqlite:///${join(disk.folder, 'jims.db')}`;
    await using cluster = await startProcesses(lab, { db, size: 1 });
    const server = only(cluster.at(0));
    const rounds = lab.isLong ? 20 : 2;
    const until = performance.now() + rounds * 5000;
    const { messages } = await endure(lab, {
      cluster,
      db,
      talk: {
        contacts: contactNames(6),
        devices: 2,
        until,
        patienceMs: 10_000,
        againChance: 0.1,
        pauseMs: 100,
        by: [
          [3, 'chat'],
          [2, 'stream'],
          [1, 'background'],
        ],
        commands: [
          [6, ['echo', 0, 100]],
          [2, ['stream', 1, 20]],
          [1, ['throw', 0, 0]],
        ],
      },
      meanwhile: [fillAndFree(lab, { server, disk, rounds })],
    });
    const refused = messages
      .flatMap(({ answers }) => answers)
      .filter(({ code }) => code === 'store_unavailable').length;
    lab.checks.that('answer', refused > 0, () => 'nobody noticed that the disk was full');
    lab.figure('refused with store_unavailable', refused);
  },
};

/** Fills the disk and frees it again; what is stored can be read all the time. */
async function fillAndFree(
  lab: Lab,
  { server, disk, rounds }: { server: Server; disk: SmallDisk; rounds: number },
): Promise<void> {
  const { checks, history } = lab;
  let read = 0;
  for (let round = 0; round < rounds; round++) {
    await sleep(1500);
    history.write({ what: 'the disk is full' });
    const fullUntil = performance.now() + 2500;
    while (performance.now() < fullUntil) {
      // Again and again: a checkpoint may have given something back.
      disk.fill();
      const response = await fetch(`${server.url}/api/v1/threads?contact_id=c0`);
      const text = await response.text();
      checks.that('answer', response.status === 200, () => {
        return `reading from a full disk got ${response.status}: ${text}`;
      });
      read++;
      await sleep(100);
    }
    disk.free();
    history.write({ what: 'there is space again' });
  }
  lab.figure('reads while full', read);
}
