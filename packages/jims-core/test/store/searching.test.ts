// A search gives what a look at every message gives, however common the words are: each way that a store has for
// them is taken by some of these.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { EventPosition, Store, ThreadQuery } from '../../src/store/store.ts';
import { answer, freshStore } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

const CHANCES: Readonly<Record<string, number>> = {
  all: 1,
  most: 0.97,
  half: 0.5,
  tenth: 0.1,
  rare: 0.005,
  so: 0.2,
  some: 0.3,
  something: 0.9,
};
const MANY_ENDINGS = ['soap', 'soda', 'sofa', 'soil', 'song', 'soup'];
const THREADS = 300;
/** More messages of one thread than a search looks at one after the other. */
const LONG = 520;

/** Commas are between them. */
const SEARCHES =
  'all,al,most,half,hal,tenth,rare,so,some,somet,something,all most,half all,most half somethi,tenth so,' +
  'rare a,soap,s,bulk,all bulk,late,all late,zzz,zzz all,allx';

describeStores((kind) => {
  test('a search finds the threads that have the words, in the order of each list', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const texts = new Map<string, readonly string[]>();
    const seed = Date.now() % 2 ** 32;
    const random = randomFrom(seed);
    for (let n = 0; n < THREADS; n += 20) {
      const made = Array.from({ length: 20 }, async (_, index) => {
        const contactId = (n + index) % 50 === 7 ? 'other' : 'anna';
        const { thread } = await store.openThread({ contactId });
        const said = textsOf(n + index, random);
        texts.set(thread.id, said);
        await store.appendEvents(thread.id, said.map(answer));
      });
      await Promise.all(made);
    }
    while (await store.indexMessages());

    const queries: readonly ThreadQuery[] = [
      { contactId: 'anna', current: true, limit: 10 },
      { contactId: 'anna', order: 'created', limit: 200 },
      { limit: 200 },
      { contactId: 'anna', waiting: false, limit: 50 },
    ];
    const lists = new Map<ThreadQuery, readonly string[]>();
    for (const query of queries) lists.set(query, await paged(store, query));
    const [first, ...rest] = lists;
    for (const [index, words] of SEARCHES.split(',').entries()) {
      for (const list of [first, rest[index % rest.length]]) {
        const [query, ids] = list ?? assert.fail();
        const found = await paged(store, { ...query, words });
        const expected = ids.filter((id) => texts.get(id)?.some((text) => hasWords(text, words)));
        assert.deepEqual(found, expected, `'${words}' in ${JSON.stringify(query)}, seed ${seed}`);
      }
    }
  });
});

/** What is said in a thread: two old ones have much of one word, one in the middle is long. */
function textsOf(n: number, random: () => number): readonly string[] {
  if (n < 2) return Array.from({ length: LONG }, () => 'all bulk');
  const isLong = n === THREADS / 2;
  return Array.from({ length: isLong ? LONG : 1 + Math.floor(random() * 3) }, (_, at) => {
    const words = Object.keys(CHANCES).filter((word) => random() < (CHANCES[word] ?? 0));
    if (isLong) return at === LONG - 1 ? 'late' : words.filter((word) => word !== 'half').join(' ');
    if (random() < 0.3) words.push(MANY_ENDINGS[Math.floor(random() * 6)] ?? '');
    return words.join(' ');
  });
}

function hasWords(text: string, searched: string): boolean {
  const said = text.split(' ');
  const words = searched.split(' ');
  const beginning = words.pop() ?? '';
  return words.every((word) => said.includes(word)) && said.some((w) => w.startsWith(beginning));
}

async function paged(store: Store, query: ThreadQuery): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let before: EventPosition | undefined; ;) {
    const { threads, more } = await store.listThreads({ ...query, ...(before && { before }) });
    ids.push(...threads.map(({ id }) => id));
    const last = threads.at(-1);
    if (!more || !last) return ids;
    before = {
      createdAt: query.order === 'created' ? last.createdAt : last.lastEventAt,
      id: last.id,
    };
  }
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
