import { readFacts } from '../check/facts.ts';
import { checkInvariants } from '../check/invariants.ts';
import { checkNothingIsLeft } from '../check/leftovers.ts';
import { SETTLE_MS, contactNames, freshDatabase, lasts, startProcesses } from '../lab/lab.ts';
import type { Scenario } from '../lab/lab.ts';
import { talk } from '../lab/talk.ts';

const SIZE = 3;
const DRAIN_S = 2;
/** The drain, the grace of those that do not listen, and a slow machine. */
const STOP_MS = (DRAIN_S + 5) * 1000 + 8000;

/** F5: three processes are stopped and started one after the other under load. */
export const rollingRestart: Scenario = {
  id: 'F5',
  about: 'SIGTERM under load: 3 processes on PostgreSQL are restarted one by one',
  async run(lab) {
    const { checks, history, random } = lab;
    const db = await freshDatabase(lab, 'PostgreSQL');
    const args = ['--drain-timeout', String(DRAIN_S)];
    await using cluster = await startProcesses(lab, { db, size: SIZE, args });
    const rounds = lab.isLong ? 20 : 1;
    const until = performance.now() + lasts(lab, 18_000, rounds * 18_000);
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

    const [messages] = await Promise.all([
      talk({
        cluster,
        checks,
        history,
        random: random.fork(),
        contacts: contactNames(20),
        devices: 2,
        until,
        settleMs: SETTLE_MS,
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
      }),
      restartAll(),
    ]);
    // What the user had seen of a run that the shutdown stopped stays, and the run runs again.
    checkInvariants(checks, messages, await readFacts(db), { allowStrangers: true });
    await cluster.stopAll();
    await checkNothingIsLeft(checks, await lab.postgres());
    const refused = messages.flatMap(({ answers }) =>
      answers.filter(({ code }) => code === 'shutting_down'),
    );
    lab.figure('messages', messages.length);
    lab.figure('restarts', rounds * SIZE);
    lab.figure('told to come again', refused.length);
    lab.figure('slowest stop ms', Math.round(slowest));
  },
};
