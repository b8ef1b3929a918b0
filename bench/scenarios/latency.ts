import { contest, summary } from '../contest.ts';
import type { Round } from '../contest.ts';
import { median } from '../numbers.ts';
import { startFloor } from '../programs/floor.ts';
import { startOurs } from '../programs/ours.ts';
import { verdict } from '../scenario.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { STORES } from '../stores/bench-database.ts';
import type { StoreName } from '../stores/bench-database.ts';
import { newDatabase } from '../stores/new-database.ts';

const TARGET = 5;
const PEAK_ROUNDS = 2;
const ROUNDS = 3;
/** More than a server needs for half of its peak: requests should not wait for each other here. */
const CONNECTIONS_PER_PEAK_CONNECTION = 4;

/** How even the answers come when a server has half of what it could do. */
export const latency: Scenario = {
  name: 'latency',
  about: 'p99 against p50 at half of the peak load, requests coming at a steady rate',
  async run(bench) {
    const rows: Row[] = [];
    for (const store of STORES) rows.push(await measure(bench, store));
    return rows;
  },
};

async function measure(bench: Bench, store: StoreName): Promise<Row> {
  bench.note(`latency, ${store}`);
  await using floor = await startFloor(bench, { store, database: await newDatabase(bench, store) });
  await using ours = await startOurs(bench, { database: await newDatabase(bench, store) });
  const programs = [ours, floor].map((program) => ({ program, contacts: 'new' as const }));
  const peaks = await contest({ ...bench, rounds: PEAK_ROUNDS }, programs);
  const atHalf = programs.map(({ program, contacts }, index) => {
    return { program, contacts, rate: halfOf(peaks[index]) };
  });
  const connections = bench.connections * CONNECTIONS_PER_PEAK_CONNECTION;
  const [ourRounds = [], floorRounds = []] = await contest({ ...bench, rounds: ROUNDS }, atHalf, {
    connections,
  });
  const ratio = spread(ourRounds);
  return {
    figure: `p99 / p50 at half load, ${store} (floor: ${spread(floorRounds).toFixed(1)})`,
    ours: summary(ourRounds),
    floor: summary(floorRounds),
    ratio,
    target: `<= ${TARGET}`,
    verdict: verdict(ratio <= TARGET),
  };
}

function halfOf(rounds: readonly Round[] = []): number {
  return median(rounds.map((round) => round.perSecond)) / 2;
}

function spread(rounds: readonly Round[]): number {
  return median(rounds.map((round) => round.p99Ms / round.p50Ms));
}
