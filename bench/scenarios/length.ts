import { contest, ratioOf, summary } from '../contest.ts';
import { openHttpConnection } from '../load/http-connection.ts';
import { loadRequest } from '../load/requests.ts';
import { median, rounded } from '../numbers.ts';
import { startOurs } from '../programs/ours.ts';
import type { Program } from '../programs/program.ts';
import { verdict } from '../scenario.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { STORES } from '../stores/bench-database.ts';
import type { StoreName } from '../stores/bench-database.ts';
import { newDatabase } from '../stores/new-database.ts';

/** Many, so that they stay as short as they are while the load goes on. */
const SHORT = { prefix: 'short-', count: 2000, events: 10 };
/** One for each connection. */
const LONG = { prefix: 'long-', count: 8, events: 10_000 };
const TARGET = 1.5;

/** Whether a turn costs more because the thread is long. */
export const length: Scenario = {
  name: 'length',
  about: 'A turn in a thread of 10,000 events against one of 10',
  async run(bench) {
    const rows: Row[] = [];
    for (const store of STORES) rows.push(...(await measure(bench, store)));
    return rows;
  },
};

async function measure(bench: Bench, store: StoreName): Promise<Row[]> {
  bench.note(`length, ${store}`);
  const database = await newDatabase(bench, store);
  await using program = await startOurs(bench, { database });
  await database.seed(SHORT);
  await database.seed(LONG);
  const coldShort = await firstTurns(program, SHORT.prefix);
  const coldLong = await firstTurns(program, LONG.prefix);
  const [short = [], long = []] = await contest(
    bench,
    [
      { program, contacts: { kind: 'cycle', prefix: SHORT.prefix, count: SHORT.count } },
      { program, contacts: { kind: 'own', prefix: LONG.prefix } },
    ],
    { connections: LONG.count, seconds: bench.seconds / 2 },
  );
  const ratio = ratioOf(long, short, (round) => round.p50Ms);
  return [
    {
      figure: `a thread of 10,000 events, ${store} (floor: of 10)`,
      ours: summary(long),
      floor: summary(short),
      ratio,
      target: `<= ${TARGET}`,
      verdict: verdict(ratio <= TARGET),
    },
    {
      figure: '  the first turn since the process started',
      ours: `${rounded(coldLong)} ms`,
      floor: `${rounded(coldShort)} ms`,
      ratio: coldLong / coldShort,
    },
  ];
}

/** The median time of one turn in each of the first threads, one after the other. */
async function firstTurns(program: Program, prefix: string): Promise<number> {
  const http = await openHttpConnection(program.port);
  const contacts = { kind: 'own', prefix } as const;
  const times: number[] = [];
  for (let connection = 0; connection < LONG.count; connection++) {
    const request = loadRequest({ contacts }, { n: connection, connection });
    const started = performance.now();
    request.check(await http.post(request.path, request.body));
    times.push(performance.now() - started);
  }
  http.close();
  return median(times);
}
