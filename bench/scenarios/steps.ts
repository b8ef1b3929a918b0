import { fileURLToPath } from 'node:url';

import { contest, ratioOf, summary } from '../contest.ts';
import { startFloor } from '../programs/floor.ts';
import { startOurs } from '../programs/ours.ts';
import { verdict } from '../scenario.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { STORES } from '../stores/bench-database.ts';
import type { StoreName } from '../stores/bench-database.ts';
import { newDatabase } from '../stores/new-database.ts';

const APP = fileURLToPath(new URL('../apps/steps.ts', import.meta.url));
const STEPS = 10;
const TARGET = 0.7;

/** What it costs to keep the results of steps, against a program that commits as many rows. */
export const steps: Scenario = {
  name: 'steps',
  about: `Runs of a durable app with ${STEPS} steps, against a floor that commits ${STEPS} rows`,
  async run(bench) {
    const rows: Row[] = [];
    for (const store of STORES) rows.push(await measure(bench, store));
    return rows;
  },
};

async function measure(bench: Bench, store: StoreName): Promise<Row> {
  bench.note(`steps, ${store}`);
  await using stack = new AsyncDisposableStack();
  const [floorBase, ownBase] = [await newDatabase(bench, store), await newDatabase(bench, store)];
  const programs = [
    stack.use(await startFloor(bench, { store, database: floorBase, steps: STEPS })),
    stack.use(await startOurs(bench, { database: ownBase, app: APP })),
  ];
  const contestants = programs.map((program) => ({ program, contacts: 'new' as const }));
  const [floor = [], ours = []] = await contest(bench, contestants);
  const ratio = ratioOf(ours, floor, (round) => round.perSecond);
  return {
    figure: `runs with ${STEPS} steps, ${store}`,
    ours: summary(ours),
    floor: summary(floor),
    ratio,
    target: `>= ${TARGET}`,
    verdict: verdict(ratio >= TARGET),
  };
}
