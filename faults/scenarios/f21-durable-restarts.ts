import { setTimeout as sleep } from 'node:timers/promises';

import { startEffects } from '../lab/effects.ts';
import type { EffectsService } from '../lab/effects.ts';
import { endure } from '../lab/endure.ts';
import { contactNames, freshDatabase, lasts, onEachStore, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario, StoreName } from '../lab/lab.ts';
import type { Message } from '../lab/message.ts';

const SIZE = 3;
const DRAIN_S = 2;
/** The drain, the grace of those that do not listen, and a slow machine. */
const STOP_MS = (DRAIN_S + 5) * 1000 + 8000;

/** F21: processes with durable runs are stopped and started one after the other under load. */
export const durableRestarts: Scenario = {
  id: 'F21',
  about: 'SIGTERM under load: processes with durable runs are restarted one by one',
  run: (lab) => onEachStore(lab, SIZE, restartUnderLoad),
};

async function restartUnderLoad(lab: Lab, store: StoreName, size: number): Promise<void> {
  const { checks } = lab;
  const db = await freshDatabase(lab, store);
  await using effects = await startEffects();
  await using cluster = await startProcesses(lab, {
    db,
    size,
    app: 'durable-app.ts',
    args: ['--drain-timeout', String(DRAIN_S)],
    env: { FAULTS_EFFECTS: effects.url },
  });
  const until = performance.now() + lasts(lab, 14_000, 120_000);
  let restarts = 0;
  let slowest = 0;

  async function restartAll(): Promise<void> {
    for (let slot = 0; performance.now() < until - 2000; slot = (slot + 1) % size) {
      const ms = await cluster.stop(slot);
      checks.that('I12', ms < STOP_MS, () => `a process took ${Math.round(ms)} ms to stop`);
      slowest = Math.max(slowest, ms);
      restarts++;
      await cluster.start(slot);
      // It gets something to do before the next one is stopped.
      await sleep(1500);
    }
  }

  const { messages, facts } = await endure(lab, {
    cluster,
    db,
    label: `${store}: `,
    talk: {
      contacts: contactNames(20),
      devices: 2,
      until,
      patienceMs: 15_000,
      by: [
        [2, 'chat'],
        [2, 'stream'],
        [1, 'background'],
      ],
      commands: [
        [4, ['steps', 1, 20]],
        [2, ['stream', 10, 150]],
        // Longer than the drain: it goes on in another process.
        [1, ['steps', 60, 90]],
      ],
    },
    meanwhile: [restartAll()],
  });
  for (const { runId, status, code } of facts.runs) {
    checks.that('durable', status === 'completed', () => `run ${runId} is ${status} (${code})`);
  }
  for (const message of messages) checkMessage(lab, message, effects);
  lab.figure(`${store}: restarts`, restarts);
  lab.figure(`${store}: slowest stop ms`, Math.round(slowest));
}

/** Its client has the result, and each of its steps was done once. */
function checkMessage({ checks }: Lab, message: Message, effects: EffectsService): void {
  const { id, text, answers } = message;
  const end = answers.at(-1);
  checks.that('durable', end?.kind === 'result', () => {
    return `${id} ended with ${end?.kind} (${end?.code})`;
  });
  const lost = answers.filter(({ code }) => code === 'lost' || code === 'cancelled');
  checks.that('durable', lost.length === 0, () => `${id} was ${lost[0]?.code} on its way`);
  const [, , command, argument] = text.split(' ');
  const steps = command === 'steps' ? Number(argument) : 0;
  for (let step = 1; step <= steps; step++) {
    const count = effects.effectsOf(id, `step-${step}`);
    checks.that('effect', count === 1, () => `step ${step} of ${id} was done ${count} times`);
  }
}
