import { setTimeout as sleep } from 'node:timers/promises';

import { median, rounded } from '../numbers.ts';
import { rssMib } from '../process-usage.ts';
import { startFloor } from '../programs/floor.ts';
import { startOurs } from '../programs/ours.ts';
import type { Program } from '../programs/program.ts';
import { verdict } from '../scenario.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { STORES } from '../stores/bench-database.ts';
import type { StoreName } from '../stores/bench-database.ts';
import { newDatabase } from '../stores/new-database.ts';

const STARTS = 9;
const READY_TARGET_MS = 500;
const IDLE_TARGET_MIB = 120;
const SETTLE_MS = 300;

interface Start {
  readonly readyMs: number;
  readonly idleMib: number;
}

/** From the command to the first answer, and what the process takes while nobody asks. */
export const start: Scenario = {
  name: 'start',
  about: 'From the command to the first /healthz, and the memory of an idle process',
  async run(bench) {
    const rows: Row[] = [];
    for (const store of STORES) rows.push(...(await measure(bench, store)));
    return rows;
  },
};

async function measure(bench: Bench, store: StoreName): Promise<Row[]> {
  bench.note(`start, ${store}`);
  const database = await newDatabase(bench, store);
  const ours: Start[] = [];
  const floor: Start[] = [];
  // The first start makes the tables and fills Node's compile cache; it does not count.
  await observe(startOurs(bench, { database }));
  for (let n = 0; n < STARTS; n++) {
    const fresh = await newDatabase(bench, store);
    floor.push(await observe(startFloor(bench, { store, database: fresh })));
    ours.push(await observe(startOurs(bench, { database })));
  }
  const readyMs = median(ours.map((each) => each.readyMs));
  const idleMib = median(ours.map((each) => each.idleMib));
  const floorReadyMs = median(floor.map((each) => each.readyMs));
  const floorIdleMib = median(floor.map((each) => each.idleMib));
  return [
    {
      figure: `command to /healthz, ${store}, median of ${STARTS}`,
      ours: `${rounded(readyMs)} ms`,
      floor: `${rounded(floorReadyMs)} ms`,
      ratio: readyMs / floorReadyMs,
      target: `< ${READY_TARGET_MS} ms`,
      verdict: verdict(readyMs < READY_TARGET_MS),
    },
    {
      figure: `memory (RSS) idle, ${store}`,
      ours: `${rounded(idleMib)} MiB`,
      floor: `${rounded(floorIdleMib)} MiB`,
      ratio: idleMib / floorIdleMib,
      target: `< ${IDLE_TARGET_MIB} MiB`,
      verdict: verdict(idleMib < IDLE_TARGET_MIB),
    },
  ];
}

async function observe(starting: Promise<Program>): Promise<Start> {
  await using program = await starting;
  await sleep(SETTLE_MS);
  return { readyMs: program.readyMs, idleMib: rssMib(program.pid) };
}
