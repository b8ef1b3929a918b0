import { endure } from '../lab/endure.ts';
import { contactNames, freshDatabase, lasts, startProcesses } from '../lab/lab.ts';
import type { Scenario } from '../lab/lab.ts';

const SIZE = 3;
const DRAIN_S = 2;
/** The drain, the grace of those that do not listen, and a slow machine. */
const STOP_MS = (DRAIN_S + 5) * 1000 + 8000;

/** F5: three processes are stopped and started one after the other under load. */
export const rollingRestart: Scenario = {
  id: 'F5',
  about: 'SIGTERM under load: 3 processes on PostgreSQL are restarted one by one',
  async run(lab) {
    const { checks } = lab;
    const db = await freshDatabase(lab, 'PostgreSQL');
    const args = ['--drain-timeout', String(DRAIN_S)];
    await using cluster = await startProcesses(lab, { db, size: SIZE, args });
    const rounds = lab.isLong ? 10 : 1;
    const until = performance.now() + lasts(lab, 14_000, rounds * 18_000);
    let slowest = 0;

    async function restartAll(): Promise<void> {
      for (let each = 0; each < rounds * SIZE; each++) {
        const slot = each % SIZE;
        const ms = await cluster.stop(slot);
        checks.that('I12', ms < STOP_MS, () => `a process took ${Math.round(ms)} ms to stop`);
        slowest = Math.max(slowest, ms);
        await cluster.start(slot);
      }
    }

    const { messages } = await endure(lab, {
      cluster,
      db,
      talk: {
        contacts: contactNames(20),
        devices: 2,
        until,
        patienceMs: 15_000,
        by: [
          [1, 'chat'],
          [1, 'stream'],
        ],
        commands: [
          [4, ['echo', 0, 600]],
          [4, ['stream', 10, 100]],
          [1, ['deaf', 500, 2500]],
        ],
      },
      meanwhile: [restartAll()],
      // What the user had seen of a run that the shutdown stopped stays, and the run runs again.
      allowStrangers: true,
    });
    const ends = Map.groupBy(
      messages.flatMap(({ answers }) => answers),
      ({ code }) => code,
    );
    const lost = ends.get('lost')?.length ?? 0;
    checks.that(
      'I12',
      lost === 0,
      () => `${lost} runs were left behind by processes that were told to stop`,
    );
    lab.figure('restarts', rounds * SIZE);
    lab.figure('told to come again', ends.get('shutting_down')?.length ?? 0);
    lab.figure('slowest stop ms', Math.round(slowest));
  },
};
