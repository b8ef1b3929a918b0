// The delivery of results, with a store that holds them back.
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, test } from 'node:test';

import type { Work } from '../../src/run/journal-call.ts';
import { Journal } from '../../src/run/journal.ts';
import type { JournalEnd } from '../../src/run/journal.ts';
import { Replay } from '../../src/run/replay.ts';
import type { ChainRecord, JournalEntry } from '../../src/store/store.ts';
import { newId } from '../../src/thread/new-id.ts';

describe('a journal', () => {
  test('gives results in the order in which they came, one at a time', async () => {
    const { journal } = opened();
    const order: string[] = [];
    const late = gate();
    await journal.execute(async () => {
      const slow = journal.call(step('slow', () => late.promise));
      const quick = journal.call(step('quick', async () => 'q'));
      void quick.then(async () => {
        order.push('quick');
        await journal.call(step('more', async () => 'm'));
        order.push('more');
        late.open('s');
      });
      order.push(String(await slow));
    });
    assert.deepEqual(order, ['quick', 'more', 's']);
  });

  test('stores results before the pipeline gets them, several at once, and gives them in that order', async () => {
    const storing: JournalEntry[][] = [];
    const stored = gate<void>();
    const { journal } = opened({
      async store(entries) {
        storing.push([...entries]);
        await stored.promise;
      },
    });
    const late = gate();
    const got: string[] = [];
    const end = journal.execute(async () => {
      const work = [
        journal.call(step('a', async () => 'a')),
        journal.call(step('late', () => late.promise)),
        journal.call(step('c', async () => 'c')),
      ];
      await Promise.all(work.map(async (each) => got.push(String(await each))));
    });
    await later();
    late.open('late');
    await later();
    assert.deepEqual(got, []);
    stored.open();
    assert.deepEqual(await end, { kind: 'returned' });
    assert.deepEqual(got, ['a', 'c', 'late']);
    const names = storing.map((entries) => entries.map(({ name }) => name));
    assert.deepEqual(names, [['a'], ['c', 'late']]);
  });

  test('begins no work while results are left', async () => {
    const begun = new Set<string>();
    const { entries } = await recorded((journal) => journal.call(step('a', async () => 1)));
    const { journal } = opened({ entries });
    await journal
      .execute(async () => {
        const b = journal.call(step('b', async () => begun.add('b')));
        assert.equal(begun.size, 0);
        // It comes second, where the entry says first.
        await Promise.all([b, journal.call(step('a', async () => begun.add('a')))]);
      })
      .then(
        () => assert.fail('it takes another way'),
        (error: unknown) => assert.match(String(error), /its step 'a' comes at another place/),
      );
    assert.equal(begun.size, 0);
  });

  test('begins held work in the asynchronous context of its call', async () => {
    const tenant = new AsyncLocalStorage<string>();
    const { entries } = await recorded((journal) => journal.call(step('a', async () => 1)));
    const { journal } = opened({ entries });
    const seen: unknown[] = [];
    await journal.execute(() =>
      Promise.all([
        journal.call(step('a', async () => 1)),
        tenant.run('b', () => journal.call(step('b', async () => seen.push(tenant.getStore())))),
        tenant.run('c', () => journal.call(step('c', async () => seen.push(tenant.getStore())))),
      ]),
    );
    assert.deepEqual(seen, ['b', 'c']);
  });

  test('ends with the first failure that nobody waits for', async () => {
    const { journal } = opened();
    const [first, second] = [new Error('first'), new Error('second')];
    const end = journal.execute(async () => {
      void journal.call(failing('a', first));
      void journal.call(failing('b', second));
      journal.call(failing('c', new Error('caught'))).catch(() => {});
    });
    await assert.rejects(end, first);
  });

  test('lets a failure pass that the pipeline has caught', async () => {
    const { journal } = opened();
    const end = journal.execute(async () => {
      await journal.call(failing('a', new Error('caught'))).catch(() => {});
    });
    assert.deepEqual(await end, { kind: 'returned' });
  });

  test('ends with a question when all that is under way is stored', async () => {
    const stored: string[] = [];
    const { journal } = opened({
      store: async (entries) => void stored.push(...entries.map(({ name }) => name)),
    });
    const late = gate();
    let isOver = false;
    const end = journal.execute(async () => {
      void journal.call(step('late', () => late.promise));
      void journal.call({ kind: 'ask', name: 'sure', read: () => 'yes' });
      void journal.call(step('never', async () => assert.fail('it is behind the question')));
    });
    void end.then(() => (isOver = true));
    await later();
    assert.equal(isOver, false);
    late.open('done');
    const last = await end;
    assert.ok(last.kind === 'asked');
    assert.equal(last.call.work.name, 'sure');
    assert.deepEqual(stored, ['late']);
    assert.deepEqual(journal.send('comm.assistant_message'), { kind: 'dropped' });
  });

  test('parks at the next call, when what is under way is stored', async () => {
    const { journal } = opened();
    const late = gate();
    const end = journal.execute(async () => {
      await journal.call(step('a', () => late.promise));
      assert.fail('it is parked');
    });
    journal.park();
    late.open('a');
    assert.deepEqual(await end, { kind: 'parked' });
  });

  test('a pipeline that calls nothing more ends although it is to be parked', async () => {
    const { journal } = opened();
    const late = gate();
    const end = journal.execute(() => late.promise);
    journal.park();
    late.open('a');
    assert.deepEqual(await end, { kind: 'returned' });
  });

  test('a failure after a stop is not a result', async () => {
    const stored: JournalEntry[] = [];
    const { journal } = opened({ store: async (entries) => void stored.push(...entries) });
    const late = gate<never>();
    const end = journal.execute(async () => {
      await journal.call({
        ...step('a', async () => 1),
        begin: () =>
          late.promise.catch(() => ({ outcome: { kind: 'error', error: { message: 'aborted' } } })),
        read: (outcome) => assert.fail(outcome.kind),
      });
    });
    journal.stop({ goesOn: false });
    late.fail(new Error('aborted'));
    await assert.rejects(end);
    assert.deepEqual(stored, []);
  });
});

type Store = (entries: readonly JournalEntry[]) => Promise<void>;

function opened({
  entries = [],
  store = async () => {},
}: { readonly entries?: readonly JournalEntry[]; readonly store?: Store } = {}): {
  readonly journal: Journal;
} {
  const chainId = newId();
  const run = {
    runId: chainId,
    continues: undefined,
    status: 'running',
    startedAt: undefined,
    incoming: undefined,
    events: [],
  } as const;
  const record: ChainRecord = { chainId, kept: {}, config: {}, entries, runs: [run] };
  const replay = Replay.of(record, chainId);
  const journal = new Journal({
    part: 'main',
    isDurable: true,
    replay,
    nextSeq: replay.nextSeq,
    stamp: { runId: chainId, attempt: 1 },
    store,
    replayWaitMs: 10_000,
  });
  return { journal };
}

async function recorded(
  pipeline: (journal: Journal) => Promise<unknown>,
): Promise<{ readonly entries: readonly JournalEntry[]; readonly end: JournalEnd }> {
  const entries: JournalEntry[] = [];
  const { journal } = opened({ store: async (stored) => void entries.push(...stored) });
  const end = await journal.execute(() => pipeline(journal));
  return { entries, end };
}

function step(name: string, work: () => Promise<unknown>): Work<unknown> {
  return {
    kind: 'step',
    name,
    begin: async () => ({ outcome: { kind: 'value', json: JSON.stringify(await work()) } }),
    read: (outcome) =>
      outcome.kind === 'value' && outcome.json !== undefined ? JSON.parse(outcome.json) : undefined,
  };
}

function failing(name: string, error: Error): Work<unknown> {
  return {
    kind: 'step',
    name,
    begin: async () => ({ outcome: { kind: 'error', error: { message: error.message } } }),
    read() {
      throw error;
    },
  };
}

function gate<T = unknown>(): {
  readonly promise: Promise<T>;
  open(value: T): void;
  fail(error: Error): void;
} {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  return { promise, open: resolve, fail: reject };
}

function later(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}
