import { fileURLToPath } from 'node:url';

import { openStream } from '../load/open-stream.ts';
import { median, quantile, rounded } from '../numbers.ts';
import { startOurs } from '../programs/ours.ts';
import { verdict } from '../scenario.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { STORES } from '../stores/bench-database.ts';
import type { StoreName } from '../stores/bench-database.ts';
import { newDatabase } from '../stores/new-database.ts';

const APP = fileURLToPath(new URL('../apps/delta.ts', import.meta.url));
const STREAMS = 100;
const WARM_UP = 20;
const TARGET_MS = 5;
const NS_PER_MS = 1e6;

/** How long a piece of text is on its way from the pipeline to the client. */
export const delta: Scenario = {
  name: 'delta',
  about: 'From a pipeline that sends a piece of text to the client that has it',
  async run(bench) {
    const rows: Row[] = [];
    for (const store of STORES) rows.push(await measure(bench, store));
    return rows;
  },
};

async function measure(bench: Bench, store: StoreName): Promise<Row> {
  bench.note(`delta, ${store}`);
  const database = await newDatabase(bench, store);
  await using program = await startOurs(bench, { database, app: APP });
  const times: number[] = [];
  for (let n = 0; n < WARM_UP + STREAMS; n++) {
    const time = await firstDelta(program.port, `delta-${n}`);
    if (n >= WARM_UP) times.push(time);
  }
  const middle = median(times);
  return {
    figure: `first delta, ${store}`,
    ours: `${rounded(middle)} ms, p99 ${rounded(quantile(times, 0.99))} ms`,
    target: `< ${TARGET_MS} ms`,
    verdict: verdict(middle < TARGET_MS),
  };
}

async function firstDelta(port: number, contact: string): Promise<number> {
  const body = { contact_id: contact, message: 'what time is it?', include: ['delta'] };
  const stream = openStream(port, body);
  const text = await stream.until('event: delta');
  const arrived = process.hrtime.bigint();
  const sent = /"delta": ?"(\d+)"/.exec(text)?.[1];
  if (sent === undefined) throw new Error(`not the delta that was expected: ${text}`);
  await stream.until('event: result');
  return Number(arrived - BigInt(sent)) / NS_PER_MS;
}
