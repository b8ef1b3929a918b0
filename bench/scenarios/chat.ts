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
    for (const store of STORES.slice(0, 1)) {
      for (const events of [0, LONG]) rows.push(...(await measure(bench, store, events)));
    }
    return rows;
  },
};

async function measure(bench: Bench, store: StoreName, events: number): Promise<Row[]> {
  const what = events === 0 ? 'new contacts' : `threads of ${events.toLocaleString('en')} events`;
  bench.note(`chat, ${store}, ${what}`);
  await using stack = new AsyncDisposableStack();
  const programs = [
    stack.use(await startFloor(bench, { store, database: await newDatabase(bench, store) })),
    stack.use(await startOurs(bench, { database: await newDatabase(bench, store) })),
  ];
  if (store === 'SQLite') {
    const database = await newDatabase(bench, store);
    programs.push(stack.use(await startFloor(bench, { store, database, commits: 1 })));
  }
  const prefix = 'own-';
  if (events > 0) {
    const threads = { prefix, count: bench.connections, events };
    for (const { database } of programs) await database.seed(threads);
  }
  const contacts = events === 0 ? 'new' : ({ kind: 'own', prefix } as const);
  const [floor = [], ours = [], oneCommit] = await contest(
    bench,
    programs.map((program) => ({ program, contacts })),
  );
  const ratio = ratioOf(ours, floor, (round) => round.perSecond);
  const figure = `chat, ${store}, ${what}`;
  const rows: Row[] = [
    {
      figure,
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
  ];
  if (oneCommit) {
    rows.push({
      figure: '  against a floor of one commit',
      ours: '',
      floor: summary(oneCommit),
      ratio: ratioOf(ours, oneCommit, (round) => round.perSecond),
    });
  }
  return rows;
}
