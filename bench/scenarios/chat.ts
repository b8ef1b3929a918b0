import { contest, ratioOf, summary } from '../contest.ts';
import { startFloor } from '../programs/floor.ts';
import { startOurs } from '../programs/ours.ts';
import { verdict } from '../scenario.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { STORES } from '../stores/bench-database.ts';
import type { StoreName } from '../stores/bench-database.ts';
import { newDatabase } from '../stores/new-database.ts';

const TARGET = 0.7;
const LONG = 1000;

/** What a turn costs against the least program that does the same durable work. */
export const chat: Scenario = {
  name: 'chat',
  about: 'POST /api/v1/chat of new contacts, and in threads of 1,000 events, against the floor',
  async run(bench) {
    const rows: Row[] = [];
    for (const store of STORES) {
      for (const events of [0, LONG]) rows.push(...(await measure(bench, store, events)));
    }
    return rows;
  },
};

/** Floors that are no measure, but say what the difference is made of. */
const OTHER_FLOORS = [
  { what: 'a floor of one commit', options: { commits: 1 } },
  { what: 'a floor with random ids', options: { ids: 'v4' } },
] as const;

async function measure(bench: Bench, store: StoreName, events: number): Promise<Row[]> {
  const what = events === 0 ? 'new contacts' : `threads of ${events.toLocaleString('en')} events`;
  bench.note(`chat, ${store}, ${what}`);
  await using stack = new AsyncDisposableStack();
  const programs = [
    stack.use(await startFloor(bench, { store, database: await newDatabase(bench, store) })),
    stack.use(await startOurs(bench, { database: await newDatabase(bench, store) })),
  ];
  // Where threads are there already, new ids are but a few.
  const others = store === 'SQLite' ? OTHER_FLOORS.slice(0, events === 0 ? 2 : 1) : [];
  for (const { options } of others) {
    const database = await newDatabase(bench, store);
    programs.push(stack.use(await startFloor(bench, { store, database, ...options })));
  }
  const prefix = 'own-';
  if (events > 0) {
    const threads = { prefix, count: bench.connections, events };
    for (const { database } of programs) await database.seed(threads);
  }
  const contacts = events === 0 ? ('new' as const) : ({ kind: 'own', prefix } as const);
  const contestants = programs.map((program) => ({ program, contacts }));
  const [floor = [], ours = [], ...more] = await contest(bench, contestants);
  const ratio = ratioOf(ours, floor, (round) => round.perSecond);
  return [
    {
      figure: `chat, ${store}, ${what}`,
      ours: summary(ours),
      floor: summary(floor),
      ratio,
      target: `>= ${TARGET}`,
      verdict: verdict(ratio >= TARGET),
    },
    {
      figure: '  by CPU time, database included',
      ours: '',
      ratio: ratioOf(floor, ours, (round) => round.cpuUs + round.databaseUs),
    },
    ...more.map((other, index) => ({
      figure: `  against ${others[index]?.what}`,
      ours: '',
      floor: summary(other),
      ratio: ratioOf(ours, other, (round) => round.perSecond),
    })),
  ];
}
