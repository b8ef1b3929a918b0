import { fileURLToPath } from 'node:url';

import { contest, ratioOf, summary } from '../contest.ts';
import { startFloor } from '../programs/floor.ts';
import type { FloorOptions } from '../programs/floor.ts';
import { startOurs } from '../programs/ours.ts';
import type { Program } from '../programs/program.ts';
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
    for (const store of STORES) rows.push(...(await measure(bench, store)));
    return rows;
  },
};

async function measure(bench: Bench, store: StoreName): Promise<Row[]> {
  bench.note(`steps, ${store}`);
  await using stack = new AsyncDisposableStack();
  const newFloor = async (options: Pick<FloorOptions, 'commits'>): Promise<Program> => {
    const database = await newDatabase(bench, store);
    return stack.use(await startFloor(bench, { store, database, steps: STEPS, ...options }));
  };
  const database = await newDatabase(bench, store);
  const programs = [
    await newFloor({}),
    stack.use(await startOurs(bench, { database, app: APP })),
    // No measure: it says what it is worth that turns share their commits.
    ...(store === 'SQLite' ? [await newFloor({ commits: 'each' })] : []),
  ];
  const contestants = programs.map((program) => ({ program, contacts: 'new' as const }));
  const [floor = [], ours = [], ungrouped] = await contest(bench, contestants);
  const ratio = ratioOf(ours, floor, (round) => round.perSecond);
  const row = {
    figure: `runs with ${STEPS} steps, ${store}`,
    ours: summary(ours),
    floor: summary(floor),
    ratio,
    target: `>= ${TARGET}`,
    verdict: verdict(ratio >= TARGET),
  };
  if (!ungrouped) return [row];
  const other = {
    figure: '  against a floor whose rows commit one by one',
    ours: '',
    floor: summary(ungrouped),
    ratio: ratioOf(ours, ungrouped, (round) => round.perSecond),
  };
  return [row, other];
}
