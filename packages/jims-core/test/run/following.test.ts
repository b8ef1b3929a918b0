// What processes write down for each other, and read of each other, while the database is there and away.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from '../../src/app/app.ts';
import type { JimsApp } from '../../src/app/app.ts';
import type { ThreadContext } from '../../src/pipeline/thread-context.ts';
import type { Run } from '../../src/run/run.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { emptiedDatabase } from '../support/emptied-database.ts';
import { eventually } from '../support/eventually.ts';
import { question } from '../support/store-user.ts';
import { openTcpProxy } from '../support/tcp-proxy.ts';

const RUNS = 20;

test('the progress of all runs is one statement, and so is the look at all that are followed', async () => {
  await using database = await emptiedDatabase();
  const writes = counted(await openStore(database.url), 'appendProgress');
  const reads = counted(await openStore(database.url), 'readProgress');
  const ticker = Promise.withResolvers<void>();
  const pipeline = async (ctx: ThreadContext): Promise<void> => {
    ctx.updateAgentStatus('one');
    await ticker.promise;
    ctx.updateAgentStatus('two');
    await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }));
  };
  await using here = defineApp({ store: writes.store, pipeline });
  await using there = defineApp({ store: reads.store, pipeline });
  const runs = await Promise.all(Array.from({ length: RUNS }, (_, n) => ask(here, `c${n}`)));
  await eventually(() => writes.sizes.reduce((sum, size) => sum + size, 0) === RUNS);
  const before = writes.sizes.length;
  ticker.resolve();
  const found = await Promise.all(runs.map((run) => there.runs.find(run.id)));
  const followed = found.filter((run) => run !== undefined);
  const events = followed.map((run) => run.listen());
  for (const _ of ['one', 'two']) await Promise.all(events.map((each) => each.next()));

  // They end at one moment: a round that is under way when they do may be another one.
  assert.ok(writes.sizes.length - before <= 2, `${writes.sizes.length - before} statements`);
  assert.ok(
    reads.sizes.some((size) => size === RUNS),
    `${reads.sizes.join()} runs at a time`,
  );
  for (const run of runs) run.cancel();
  const ends = await Promise.all(followed.map((run) => run.end));
  assert.equal(ends.length, RUNS);
  assert.ok(ends.every((end) => end.type === 'cancelled'));
});

test('while the database is away it is asked more and more seldom, and the log says so once', async () => {
  await using database = await emptiedDatabase();
  await using proxy = await openTcpProxy(database.url);
  const lines: string[] = [];
  const log = (_: object, message: string): void => void lines.push(message);
  const logger: Logger = { debug() {}, info: log, warn: log, error: log };
  const pipeline = (ctx: ThreadContext): Promise<void> =>
    new Promise((resolve) => ctx.signal.addEventListener('abort', () => resolve(), { once: true }));
  await using owner = defineApp({ store: database.url, pipeline });
  const reads = counted(await openStore(proxy.url), 'readProgress');
  await using reader = defineApp({ store: reads.store, pipeline });
  await reader.open({ logger });
  const run = await ask(owner, 'c');
  const followed = await reader.runs.find(run.id);
  const own = await ask(reader, 'd');
  await eventually(() => reads.sizes.length > 2);

  proxy.cut();
  const before = reads.sizes.length;
  await sleep(3000);
  const looks = reads.sizes.length - before;
  assert.ok(looks > 0 && looks <= 6, `${looks} looks in 3 seconds`);
  const warnings = (): string[] => lines.filter((line) => /follow the runs/.test(line));
  assert.deepEqual(warnings(), ['cannot follow the runs of other processes']);
  assert.equal(new Set(lines).size, lines.length, lines.join('\n'));
  proxy.restore();
  run.cancel();
  assert.equal((await followed?.end)?.type, 'cancelled');
  await eventually(() => warnings().length > 1);
  assert.deepEqual(warnings(), [
    'cannot follow the runs of other processes',
    'can follow the runs of other processes again',
  ]);
  own.cancel();
});

/** A store, and how many runs each call of one of its methods was about. */
function counted(
  store: Store,
  method: 'appendProgress' | 'readProgress',
): { readonly store: Store; readonly sizes: readonly number[] } {
  const sizes: number[] = [];
  return {
    sizes,
    store: new Proxy(store, {
      get(target, name: keyof Store) {
        if (name !== method) return target[name];
        return (asked: readonly never[]): unknown => {
          sizes.push(asked.length);
          return target[method](asked);
        };
      },
    }),
  };
}

function ask(app: JimsApp, contactId: string): Promise<Run> {
  return app.runs.start({
    thread: { kind: 'latest', contactId, threadConfig: {} },
    incoming: question('hi'),
  });
}
