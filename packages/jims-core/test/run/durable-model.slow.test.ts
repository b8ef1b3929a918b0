// What is promised of durable conversations, for random programs and random histories: whatever happens
// to the processes, each execution of a program sees the same, work that is stored is not done again, and
// the log is what was sent.
//
// JIMS_MODEL_RUNS says how often, JIMS_MODEL_MS for how long at most, JIMS_MODEL_SEED from where; a failure
// prints the seed and the shortest program and history that show it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { MockTimers } from 'node:test';

import fc from 'fast-check';

import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { History, actions } from '../support/durable-history.ts';
import type { Action } from '../support/durable-history.ts';
import { clockOf } from '../support/durable-oracle.ts';
import type { StoreClock } from '../support/durable-oracle.ts';
import { programs } from '../support/durable-program.ts';
import type { Program } from '../support/durable-program.ts';
import { DurableWorld } from '../support/durable-world.ts';
import { describeStores } from '../support/stores.ts';

interface Case {
  readonly seed: number;
  readonly program: Program;
  readonly history: readonly Action[];
}

const GIVE_UP_MS = 60_000;
const SHARES = [
  { of: 'programs in which much goes on side by side', kind: 'parallel', crashes: true, share: 4 },
  { of: 'programs that wait for other things, too', kind: 'pausing', crashes: true, share: 1 },
  { of: 'processes that nothing happens to', kind: 'parallel', crashes: false, share: 1 },
] as const;

describeStores((kind) => {
  for (const { of, kind: programsOf, crashes, share } of SHARES) {
    test(`promises of durable conversations hold: ${of}`, async (t) => {
      t.mock.timers.enable({ apis: ['setInterval'] });
      await using database = await kind.fresh();
      await using store = await openStore(database.url);
      await using clock = await clockOf(kind, database.url);
      const few = kind.name === 'sqlite' ? 15 : 2;
      const all = Number(process.env['JIMS_MODEL_RUNS'] ?? few);
      const seed = process.env['JIMS_MODEL_SEED'];
      const cases = fc.record({
        seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
        program: programs(programsOf),
        history: actions(crashes),
      });
      let executions = 0;
      let isPlaying = false;
      const until = performance.now() + Number(process.env['JIMS_MODEL_MS'] ?? 240_000);
      const property = fc.asyncProperty(cases, async (each) => {
        // A history that took too long goes on: another one beside it would execute its runs.
        if (isPlaying || performance.now() > until) return;
        isPlaying = true;
        const world = await play(each, store, { clock, timers: t.mock.timers }).finally(() => {
          isPlaying = false;
        });
        executions += world.executions.length;
        assert.deepEqual([...world.violations], []);
      });
      await fc.assert(property, {
        numRuns: all * share,
        timeout: GIVE_UP_MS,
        ...(seed !== undefined && { seed: Number(seed) }),
      });
      t.diagnostic(`${executions} executions of ${of} on ${kind.name}`);
    });
  }
});

async function play(
  { program, seed, history }: Case,
  store: Store,
  { clock, timers }: { readonly clock: StoreClock; readonly timers: MockTimers },
): Promise<DurableWorld> {
  const contactId = randomUUID();
  const threads = [];
  for (const externalId of ['0', '1']) {
    const { thread } = await store.openThread({ contactId, externalId });
    threads.push(thread.id);
  }
  const world = new DurableWorld({ store, timers, program, seed });
  try {
    await new History(world, threads, clock).play(history);
  } finally {
    await world.dispose();
    await store.deleteThreads({ contactId });
  }
  return world;
}
