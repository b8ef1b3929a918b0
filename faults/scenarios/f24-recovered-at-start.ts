import { readFacts } from '../check/facts.ts';
import { checkIntegrity } from '../check/integrity.ts';
import { startEffects } from '../lab/effects.ts';
import { freshDatabase, startProcesses } from '../lab/lab.ts';
import type { Scenario } from '../lab/lab.ts';
import { Gate, beginRuns, checkHeldRuns, untilHeld } from '../lab/many-runs.ts';
import { untilEnded } from '../lab/until-ended.ts';

const SHORT_RUNS = 100;
const LONG_RUNS = 1000;
/** From the start of the process to the end of the last run, its own start included. */
const LONG_MS = 10_000;
const PATIENCE_MS = 120_000;

/** F24: the process on a SQLite file is killed under many runs, and the next one goes on with all of them. */
export const recoveredAtStart: Scenario = {
  id: 'F24',
  about: 'many runs at once are lost by kill -9 on SQLite, and go on at the next start',
  async run(lab) {
    const { checks } = lab;
    const db = await freshDatabase(lab, 'SQLite');
    const gate = new Gate();
    await using effects = await startEffects(gate.hooks);
    const env = { FAULTS_EFFECTS: effects.url };
    await using cluster = await startProcesses(lab, { db, size: 1, app: 'durable-app.ts', env });
    const count = lab.isLong ? LONG_RUNS : SHORT_RUNS;
    const ids = Array.from({ length: count }, (_, number) => `lost${number}`);
    await beginRuns(cluster, lab, ids);
    await untilHeld(effects, ids);
    await cluster.kill(0);
    gate.open();

    const from = performance.now();
    await cluster.start(0);
    const started = performance.now();
    await untilEnded(db, from + PATIENCE_MS);
    const ended = performance.now();
    const facts = await readFacts(db);
    for (const { runId, status, code } of facts.runs) {
      checks.that('durable', status === 'completed', () => `run ${runId} is ${status} (${code})`);
    }
    checkHeldRuns(lab, ids, effects);
    const ms = Math.round(ended - from);
    checks.that('durable', !lab.isLong || ms < LONG_MS, () => {
      return `${count} runs have ended ${ms} ms after the start`;
    });
    await cluster.stopAll();
    checkIntegrity(checks, db);
    lab.figure('runs', count);
    lab.figure('ms to the last end', ms);
    lab.figure('of them to the start', Math.round(started - from));
  },
};
