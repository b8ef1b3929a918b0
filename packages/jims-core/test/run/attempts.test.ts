// A run that is lost and runs again, and those who listen to it: before, meanwhile and afterwards.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isRunEnd } from '../../src/run/run-events.ts';
import type { NumberedRunEvent, RunPosition } from '../../src/run/run-events.ts';
import type { Run } from '../../src/run/run.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { emptiedDatabase } from '../support/emptied-database.ts';
import { eventually } from '../support/eventually.ts';
import { createPuppets, startProcess } from '../support/processes.ts';
import type { Puppets, TestProcess } from '../support/processes.ts';
import { keyOf, question } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

const LIMITS = { graceMs: 50 };
const FIRST = ['a', 'b', 'c', 'd', 'e'];

describeStores((kind) => {
  test('a joiner that saw an earlier attempt gets all of the current one, and the end', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const puppets = createPuppets(() => false);
    const first = await startProcess(
      await another(kind.name, store, database.url),
      puppets,
      LIMITS,
    );
    await say(puppets, await ask(first), FIRST);
    await first.die();

    const second = await startProcess(
      await another(kind.name, store, database.url),
      puppets,
      LIMITS,
    );
    const run = await ask(second);
    assert.equal(run.attempt, 2);
    await say(puppets, run, ['x']);
    puppets.tell('asked', { do: 'return' });
    await run.end;

    for (const process of [
      second,
      await startProcess(await another(kind.name, store, database.url), puppets, LIMITS),
    ]) {
      const joined = await process.app.runs.find(run.id);
      assert.ok(joined);
      const { endPosition } = joined;
      assert.ok(endPosition);
      // On SQLite pieces are kept in memory alone.
      const isKept = kind.name === 'postgres' || process === second;
      const whole = [...framesOf(isKept ? ['x'] : []), 'result'];
      for (const after of [at(1, 1), at(1, 6), at(1, 999)]) {
        assert.deepEqual(
          await heard(joined, after),
          ['restarted 2', ...whole],
          `after ${JSON.stringify(after)}`,
        );
      }
      assert.deepEqual(await heard(joined), whole);
      assert.deepEqual(await heard(joined, at(2, 0)), whole);
      assert.deepEqual(await heard(joined, at(2, endPosition.seq - 1)), ['result']);
      // A position that there is not: whatever it was, the end was not seen.
      assert.deepEqual(await heard(joined, at(2, 500)), ['result']);
      assert.deepEqual(await heard(joined, at(3, 1)), ['result']);
      assert.deepEqual(await heard(joined, endPosition), []);
      await process.close();
    }
  });

  test('the end of an attempt that was lost is heard once, wherever its listener was', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const puppets = createPuppets(() => false);
    const first = await startProcess(
      await another(kind.name, store, database.url),
      puppets,
      LIMITS,
    );
    const run = await ask(first);
    await say(puppets, run, FIRST);
    await first.die();

    const second = await startProcess(
      await another(kind.name, store, database.url),
      puppets,
      LIMITS,
    );
    const lost = await second.app.runs.find(run.id);
    assert.ok(lost);
    for (const after of [at(1, 1), at(1, 3), at(1, 6), at(1, 7)]) {
      assert.equal((await heard(lost, after)).at(-1), 'error lost');
    }
    assert.ok(lost.endPosition);
    assert.deepEqual(await heard(lost, lost.endPosition), []);
    await second.close();
  });
});

test('who follows a run from another process hears that it runs again, and all of it', async () => {
  await using database = await emptiedDatabase();
  const puppets = createPuppets(() => false);
  const first = await startProcess(await openStore(database.url), puppets, LIMITS);
  const follower = gated(await openStore(database.url));
  const reader = await startProcess(follower.store, puppets, LIMITS);
  const started = await ask(first);
  await say(puppets, started, FIRST);
  const followed = await reader.app.runs.find(started.id);
  assert.ok(followed);
  const events: NumberedRunEvent[] = [];
  const all = (async (): Promise<void> => {
    for await (const event of followed.listen()) events.push(event);
  })();
  await eventually(() => events.length === FIRST.length);

  await follower.hold();
  await first.die();
  const second = await startProcess(await openStore(database.url), puppets, LIMITS);
  const again = await ask(second);
  await say(puppets, again, ['x', 'y']);
  follower.letGo();
  await eventually(() => events.length > FIRST.length + 2);
  assert.equal(followed.attempt, 2);
  // It begins again for those who come now, too.
  const late = heard(followed);
  puppets.tell('asked', { do: 'return' });
  await all;

  assert.deepEqual(
    events.map(nameOf).filter((name) => name !== 'event'),
    [...framesOf(FIRST), 'restarted 2', ...framesOf(['x', 'y']), 'result'],
  );
  assert.deepEqual(await late, [...framesOf(['x', 'y']), 'result']);
  assert.equal((await followed.end).type, 'result');
  await Promise.all([reader.close(), second.close()]);
});

/** A SQLite file has one process, and so one store, which stays open. */
async function another(name: string, store: Store, url: string): Promise<Store> {
  return name === 'sqlite' ? { ...store, close: async () => {} } : openStore(url);
}

/** A store that can be kept from telling what other processes do. */
function gated(store: Store): { readonly store: Store; hold(): Promise<void>; letGo(): void } {
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  let looking = Promise.resolve<unknown>(undefined);
  return {
    store: {
      ...store,
      async readProgress(seen) {
        await gate.promise;
        const look = store.readProgress(seen);
        looking = look;
        return look;
      },
    },
    async hold() {
      gate = Promise.withResolvers<void>();
      await looking;
    },
    letGo: () => gate.resolve(),
  };
}

function ask({ app }: TestProcess): Promise<Run> {
  return app.runs.start({
    thread: { kind: 'latest', contactId: 'c', threadConfig: {} },
    incoming: question('asked'),
    idempotency: keyOf('asked'),
  });
}

/** Streams pieces, and waits until they are heard. */
async function say(puppets: Puppets, run: Run, pieces: readonly string[]): Promise<void> {
  await eventually(() => puppets.starts('asked') === run.attempt);
  const events = run.listen();
  for (const text of pieces) {
    puppets.tell('asked', { do: 'stream', text });
    await events.next();
  }
}

function framesOf(pieces: readonly string[]): readonly string[] {
  return pieces.map((piece) => `delta ${piece}`);
}

async function heard(run: Run, after?: RunPosition): Promise<readonly string[]> {
  const events = await Array.fromAsync(run.listen({ after, piecemeal: true }));
  // The message as it is stored comes once it is whole.
  return events.map(nameOf).filter((name) => name !== 'event');
}

function nameOf(event: NumberedRunEvent): string {
  switch (event.type) {
    case 'delta':
      return `delta ${event.delta}`;
    case 'restarted':
      return `restarted ${event.attempt}`;
    case 'error':
      return `error ${event.error.code}`;
    default:
      return isRunEnd(event) ? event.type : 'event';
  }
}

function at(attempt: number, seq: number): RunPosition {
  return { attempt, seq };
}
