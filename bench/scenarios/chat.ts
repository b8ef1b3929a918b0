import { contest, ratioOf, summary } from '../contest.ts';
import type { Contestant } from '../contest.ts';
import { startFloor } from '../programs/floor.ts';
import { startOurs } from '../programs/ours.ts';
import { verdict } from '../scenario.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { STORES } from '../stores/bench-database.ts';
import type { SeededThreads, StoreName } from '../stores/bench-database.ts';
import { newDatabase } from '../stores/new-database.ts';

const TARGET = 0.7;

interface Case {
  readonly what: string;
  readonly contacts: Contestant['contacts'];
  /** The threads that they have already. */
  readonly threads?: SeededThreads;
}

/** So many, one after the other, that their threads stay as short as they are while the load goes on. */
const DAILY = { prefix: 'daily-', count: 2000 };

/** What a turn costs against the least program that does the same durable work. */
export const chat: Scenario = {
  name: 'chat',
  about:
    'POST /api/v1/chat of new contacts, and in threads of 20 and of 1,000 events, against the floor',
  async run(bench) {
    const cases: readonly Case[] = [
      { what: 'new contacts', contacts: 'new' },
      {
        what: 'threads of 20 events',
        contacts: { kind: 'cycle', ...DAILY },
        threads: { ...DAILY, events: 20 },
      },
      {
        what: 'threads of 1,000 events',
        contacts: { kind: 'own', prefix: 'long-' },
        threads: { prefix: 'long-', count: bench.connections, events: 1000 },
      },
    ];
    const rows: Row[] = [];
    for (const store of STORES) {
      for (const each of cases) rows.push(...(await measure(bench, store, each)));
    }
    return rows;
  },
};

/** Floors that are no measure, but say what the difference is made of. */
const OTHER_FLOORS = [
  { what: 'a floor of one commit', options: { commits: 1 } },
  { what: 'a floor with random ids', options: { ids: 'v4' } },
] as const;

async function measure(
  bench: Bench,
  store: StoreName,
  { what, contacts, threads }: Case,
): Promise<Row[]> {
  bench.note(`chat, ${store}, ${what}`);
  await using stack = new AsyncDisposableStack();
  const programs = [
    stack.use(await startFloor(bench, { store, database: await newDatabase(bench, store) })),
    stack.use(await startOurs(bench, { database: await newDatabase(bench, store) })),
  ];
  // Where threads are there already, new ids are but a few.
  const others = store === 'SQLite' ? OTHER_FLOORS.slice(0, threads ? 1 : 2) : [];
  for (const { options } of others) {
    const database = await newDatabase(bench, store);
    programs.push(stack.use(await startFloor(bench, { store, database, ...options })));
  }
  if (threads) for (const { database } of programs) await database.seed(threads);
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
