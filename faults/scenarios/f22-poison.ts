import { readFacts } from '../check/facts.ts';
import { ask, chatBody, only } from '../lab/ask.ts';
import { killByPid } from '../lab/chain-kills.ts';
import type { Cluster } from '../lab/cluster.ts';
import { startEffects } from '../lab/effects.ts';
import type { Visit } from '../lab/effects.ts';
import { LEASE_S, freshDatabase, onEachStore, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario, StoreName } from '../lab/lab.ts';
import { Gate, beginRun, beginRuns, checkHeldRuns, untilHeld } from '../lab/many-runs.ts';
import { untilEnded } from '../lab/until-ended.ts';
import { waitNoMore } from '../lab/wait-no-more.ts';

const SIZE = 3;
const SHORT_RUNS = 50;
const LONG_RUNS = 1000;
const POISON = 'poison';
/** The first execution, and the recoveries. */
const MOST_DEATHS = 6;
/** From here on all that ran beside it are suspects, as it is. */
const SUSPECT_AFTER = 3;
const SHORT_MS = 120_000;
const LONG_MS = 900_000;

/** F22: one run ends each process that executes it, while many others are under way. */
export const poison: Scenario = {
  id: 'F22',
  about: 'a run that kills its process, among many that have done nothing wrong',
  run: (lab) => onEachStore(lab, SIZE, poisonProcesses),
};

async function poisonProcesses(lab: Lab, store: StoreName, size: number): Promise<void> {
  const { checks } = lab;
  const db = await freshDatabase(lab, store);
  const gate = new Gate();
  const ready = Promise.withResolvers<void>();
  let cluster: Cluster | undefined;

  async function before(visit: Visit): Promise<void> {
    await gate.hooks.before?.(visit);
    if (visit.at !== POISON) return;
    await ready.promise;
    if (visit.nth === SUSPECT_AFTER) gate.open();
    if (cluster) await killByPid(cluster, visit.pid);
  }

  await using effects = await startEffects({ before });
  await using processes = await startProcesses(lab, {
    db,
    size,
    leaseS: LEASE_S,
    app: 'durable-app.ts',
    args: ['--max-runs', '4000'],
    env: { FAULTS_EFFECTS: effects.url },
  });
  cluster = processes;
  const count = lab.isLong ? LONG_RUNS : SHORT_RUNS;
  const ids = Array.from({ length: count }, (_, number) => `i${store}${number}`);
  await beginRuns(processes, lab, ids.slice(0, count / 2));
  await beginRun(only(processes.pick(lab.random)), lab, POISON, `${POISON} 0`);
  await beginRuns(processes, lab, ids.slice(count / 2));
  await untilHeld(effects, ids);
  const from = performance.now();
  ready.resolve();

  const until = from + (lab.isLong ? LONG_MS : SHORT_MS);
  await using _ = lab.isLong ? undefined : await waitNoMore(db);
  await untilEnded(db, until);
  const facts = await readFacts(db);
  const poisonous = facts.runs.find(({ key }) => key === POISON);
  checks.that('durable', poisonous?.status === 'failed' && poisonous.code === 'lost', () => {
    return `the run that kills its processes is ${poisonous?.status} (${poisonous?.code})`;
  });
  for (const { runId, key, status, code } of facts.runs) {
    if (key === POISON) continue;
    checks.that('durable', status === 'completed', () => {
      return `run ${runId}, which did nothing wrong, is ${status} (${code})`;
    });
  }
  const deaths = effects.visits.filter(({ at }) => at === POISON).length;
  checks.that('durable', deaths === MOST_DEATHS, () => `it has killed ${deaths} processes`);
  checkHeldRuns(lab, ids, effects);
  await processes.heal();
  const after = await ask(
    only(processes.pick(lab.random)),
    '/api/v1/chat',
    chatBody('late', 'late', 'steps 1'),
  );
  checks.that('durable', after.status === 200, () => `then the service answers ${after.text}`);
  await processes.stopAll();
  lab.figure(`${store}: runs beside it`, count);
  lab.figure(`${store}: seconds to the last end`, Math.round((performance.now() - from) / 1000));
}
