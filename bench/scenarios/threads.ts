import { openHttpConnection } from '../load/http-connection.ts';
import type { HttpConnection } from '../load/http-connection.ts';
import { median, rounded } from '../numbers.ts';
import { startOurs } from '../programs/ours.ts';
import { verdict } from '../scenario.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { STORES } from '../stores/bench-database.ts';
import type { StoreName } from '../stores/bench-database.ts';
import { newDatabase } from '../stores/new-database.ts';

const FEW = { prefix: 'few', count: 10, events: 2, ofOneContact: true };
const MANY = { prefix: 'many', count: 50_000, events: 2, ofOneContact: true };
const SHORT = { prefix: 'short', count: 1, events: 10, ofOneContact: true };
const LONG = { prefix: 'long', count: 1, events: 100_000, ofOneContact: true };
/** Said in every seeded message. */
const COMMON_WORD = 'something';
/** Said once by each contact. */
const RARE_WORD = 'rhubarb';
/** As many items as the small ones have, so that the answers are of one size. */
const PAGE = 10;
/** How often each address has its turn in a round. */
const TURNS = 20;
const INDEX_MS = 600_000;
const TARGET = 1.5;

/** The same question about much and about little. */
interface Figure {
  readonly name: string;
  readonly ours: string;
  readonly floor: string;
}

/** Whether lists of threads, searches and last pages cost more because there is much. */
export const threads: Scenario = {
  name: 'threads',
  about: 'Lists, searches and last pages with 50,000 threads and 100,000 events against 10',
  async run(bench) {
    const rows: Row[] = [];
    for (const store of STORES) rows.push(...(await measure(bench, store)));
    return rows;
  },
};

async function measure(bench: Bench, store: StoreName): Promise<Row[]> {
  bench.note(`threads, ${store}`);
  const database = await newDatabase(bench, store);
  await using program = await startOurs(bench, { database });
  for (const seeded of [FEW, MANY, SHORT, LONG]) await database.seed(seeded);
  const http = await openHttpConnection(program.port);
  for (const { prefix } of [FEW, MANY]) await sayRareWord(http, prefix);
  await untilFound(http, MANY.prefix);
  const rows: Row[] = [];
  for (const figure of await figuresOf(http)) rows.push(await compare(bench, store, http, figure));
  http.close();
  return rows;
}

async function figuresOf(http: HttpConnection): Promise<readonly Figure[]> {
  const list = (contact: string, more = ''): string =>
    `/api/v1/threads?contact_id=${contact}&limit=${PAGE}${more}`;
  const ofBoth = (name: string, more = ''): Figure => ({
    name,
    ours: list(MANY.prefix, more),
    floor: list(FEW.prefix, more),
  });
  const lastPage = async (contact: string): Promise<string> => {
    const [thread] = await threadIds(http, list(contact));
    return `/api/v1/threads/${thread}/events?order=desc&limit=${PAGE}`;
  };
  return [
    ofBoth('the list of 50,000 threads'),
    ofBoth('  a search for a rare word', `&q=${RARE_WORD}`),
    ofBoth('  a search for a word that all have', `&q=${COMMON_WORD}`),
    {
      name: 'the last page of 100,000 events',
      ours: await lastPage(LONG.prefix),
      floor: await lastPage(SHORT.prefix),
    },
  ];
}

/** Both take turns, so that what else the machine does hits both; the first round does not count. */
async function compare(
  bench: Bench,
  store: StoreName,
  http: HttpConnection,
  { name, ours, floor }: Figure,
): Promise<Row> {
  const rounds: { readonly ours: number; readonly floor: number }[] = [];
  for (let round = 0; round <= bench.rounds; round++) {
    const measured = { ours: await timeOf(http, ours), floor: await timeOf(http, floor) };
    if (round > 0) rounds.push(measured);
  }
  const ratio = median(rounds.map((round) => round.ours / round.floor));
  return {
    figure: `${name}, ${store} (floor: of 10)`,
    ours: `${rounded(median(rounds.map((round) => round.ours)))} ms`,
    floor: `${rounded(median(rounds.map((round) => round.floor)))} ms`,
    ratio,
    target: `<= ${TARGET}`,
    verdict: verdict(ratio <= TARGET),
  };
}

/** The median time of an answer. */
async function timeOf(http: HttpConnection, path: string): Promise<number> {
  const times: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const started = performance.now();
    await read(http, path);
    times.push(performance.now() - started);
  }
  return median(times);
}

/** In a thread of each contact, which is then the newest of the list. */
async function sayRareWord(http: HttpConnection, contact: string): Promise<void> {
  const body = JSON.stringify({ contact_id: contact, message: `I like ${RARE_WORD}` });
  const { status, body: answer } = await http.post('/api/v1/chat', body);
  if (status !== 200) throw new Error(`status ${status}: ${answer}`);
}

/** A search brings its index up to date in pieces: the first ones may find less than there is. */
async function untilFound(http: HttpConnection, contact: string): Promise<void> {
  const path = `/api/v1/threads?contact_id=${contact}&limit=${PAGE}&q=`;
  const deadline = performance.now() + INDEX_MS;
  while (performance.now() < deadline) {
    const rare = await threadIds(http, path + RARE_WORD);
    const common = await threadIds(http, path + COMMON_WORD);
    if (rare.length > 0 && common.length === PAGE) return;
  }
  throw new Error('the search does not find what was said');
}

async function threadIds(http: HttpConnection, path: string): Promise<readonly string[]> {
  const { threads: found }: { threads: readonly { thread_id: string }[] } = JSON.parse(
    await read(http, path),
  );
  return found.map(({ thread_id }) => thread_id);
}

async function read(http: HttpConnection, path: string): Promise<string> {
  const { status, body } = await http.get(path);
  if (status === 200) return body;
  throw new Error(`${path}: status ${status}: ${body}`);
}
