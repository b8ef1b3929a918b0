// Runs under any order in which a database may answer: fast-check's scheduler holds back each call to
// the store and each answer, and finds the shortest order that breaks something. JIMS_MODEL_RUNS and
// JIMS_MODEL_MS say how often, and for how long at most.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import fc from 'fast-check';

import { defineApp } from '../../src/app/app.ts';
import type { JimsApp } from '../../src/app/app.ts';
import { isJimsError } from '../../src/errors/jims-error.ts';
import type { RunEnd } from '../../src/run/run-events.ts';
import type { Run } from '../../src/run/run.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import type { ThreadEvent } from '../../src/thread/event.ts';
import { eventsOf, keyOf, question } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

type Action =
  | {
      readonly do: 'send';
      readonly process: number;
      readonly onBusy: 'queue' | 'reject' | 'interrupt';
      readonly plan: 'echo' | 'stream' | 'throw';
    }
  | { readonly do: 'cancel' | 'again'; readonly process: number; readonly run: number };

const HELD_BACK = new Set<string | symbol>([
  'acceptRun',
  'finishRun',
  'requestCancel',
  'reapRuns',
  'pollRuns',
]);
const REFUSED: ReadonlySet<string> = new Set(['thread_busy', 'queue_full']);

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      process: fc.nat(1),
      onBusy: fc.constantFrom('queue' as const, 'queue' as const, 'reject', 'interrupt'),
      plan: fc.constantFrom('echo' as const, 'stream' as const, 'throw' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('cancel' as const, 'again' as const),
      process: fc.nat(1),
      run: fc.nat(),
    }),
  },
);

describeStores((kind) => {
  test('in whatever order the store answers, each run has one end and one position', async (t) => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const own = { ...store, close: async () => {} };
    const open = store.shared ? () => openStore(database.url) : () => Promise.resolve(own);
    const size = store.shared ? 2 : 1;
    const numRuns = Number(process.env['JIMS_MODEL_RUNS'] ?? (store.shared ? 8 : 60));
    const interruptAfterTimeLimit = Number(process.env['JIMS_MODEL_MS'] ?? 240_000);
    const actions = fc.array(action, { minLength: 2, maxLength: 10 });
    let sequences = 0;
    const property = fc.asyncProperty(fc.scheduler(), actions, async (scheduler, all) => {
      const stores = await Promise.all(Array.from({ length: size }, open));
      const apps = stores.map((each) => openApp(heldBack(each, scheduler), scheduler));
      const { thread } = await store.openThread({ contactId: randomUUID() });
      const outcomes = await scheduler.waitFor(perform(all, apps, thread.id));
      const log = await eventsOf(store, thread.id);
      for (const each of outcomes) await checkRun(store, log, each);
      await scheduler.waitFor(Promise.all(apps.map((app) => app.close(0))));
      sequences++;
    });
    await fc.assert(property, { numRuns, interruptAfterTimeLimit });
    t.diagnostic(`${sequences} sequences of answers on ${kind.name}`);
  });
});

function heldBack(store: Store, scheduler: fc.Scheduler): Store {
  return new Proxy(store, {
    get(target, name: keyof Store) {
      const value = target[name];
      if (typeof value !== 'function' || !HELD_BACK.has(name)) return value;
      return async (...args: unknown[]): Promise<unknown> => {
        await scheduler.schedule(Promise.resolve(), `${String(name)} is sent`);
        const answer: unknown = await Reflect.apply(value, target, args);
        return scheduler.schedule(Promise.resolve(answer), `${String(name)} is answered`);
      };
    },
  });
}

function openApp(store: Store, scheduler: fc.Scheduler): JimsApp {
  return defineApp({
    store,
    async pipeline(ctx) {
      const [, plan] = (ctx.lastUserMessage ?? '').split(' ');
      ctx.sendMessage('one');
      await scheduler.schedule(Promise.resolve(), 'the pipeline thinks');
      ctx.signal.throwIfAborted();
      if (plan === 'throw') throw new Error('as planned');
      if (plan === 'stream') await ctx.sendMessage(pieces());
      ctx.sendMessage('two');
    },
  });
}

async function* pieces(): AsyncGenerator<string> {
  yield 'a';
  yield 'b';
}

interface Outcome {
  readonly text: string;
  readonly runId: string;
  readonly ends: readonly RunEnd[];
}

/** Does everything at once, and resolves with what each sender gets in the end. */
async function perform(
  all: readonly Action[],
  apps: readonly JimsApp[],
  threadId: string,
): Promise<readonly Outcome[]> {
  const app = ({ process }: Action): JimsApp => at(apps, process);
  const sends = all.filter((each) => each.do === 'send');
  const texts = new Map(sends.map((each) => [each, `${randomUUID()} ${each.plan}`]));
  const start = (each: Action & { do: 'send' }, by: Action): Promise<Run> =>
    app(by).runs.start({
      thread: { kind: 'thread', threadId },
      incoming: question(texts.get(each) ?? ''),
      onBusy: each.onBusy,
      idempotency: keyOf(texts.get(each) ?? ''),
    });
  const runs = new Map(
    sends.map((each) => {
      const run = start(each, each).catch((error: unknown) => {
        assert.ok(isJimsError(error) && REFUSED.has(error.code));
      });
      return [each, run];
    }),
  );
  const more = all.map(async (each): Promise<readonly [Run, RunEnd] | undefined> => {
    if (each.do === 'send' || sends.length === 0) return undefined;
    const send = at(sends, each.run);
    const run = await runs.get(send);
    if (!run) return undefined;
    if (each.do === 'cancel') {
      await app(each).runs.cancel(run.id);
      return undefined;
    }
    const again = await start(send, each);
    assert.equal(again.id, run.id);
    return [again, await again.end];
  });
  const again = (await Promise.all(more)).filter((each) => each !== undefined);
  const outcomes: Outcome[] = [];
  for (const [send, started] of runs) {
    const run = await started;
    if (!run) continue;
    const others = again.filter(([each]) => each.id === run.id).map(([, end]) => end);
    outcomes.push({ text: texts.get(send) ?? '', runId: run.id, ends: [await run.end, ...others] });
  }
  return outcomes;
}

async function checkRun(
  store: Store,
  log: readonly ThreadEvent[],
  { text, runId, ends }: Outcome,
): Promise<void> {
  const record = await store.run(runId);
  assert.ok(record);
  const types = { completed: 'result', failed: 'error', cancelled: 'cancelled' } as const;
  assert.ok(record.status in types, `it is over: ${record.status}`);
  const type = types[record.status as keyof typeof types];
  assert.ok(
    ends.every((end) => end.type === type),
    'all get what is stored',
  );
  const positions = log.flatMap(({ data }, index) => (data['content'] === text ? [index] : []));
  assert.equal(positions.length, 1, 'a question is in the log once');
  const following = log.slice((positions[0] ?? 0) + 1).slice(0, record.events.length);
  assert.deepEqual(following, record.events, 'an answer directly follows its question');
  const expected = { result: text.endsWith('stream') ? 3 : 2, error: 0, cancelled: undefined }[
    type
  ];
  if (expected !== undefined) assert.equal(record.events.length, expected, 'all of it or nothing');
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length];
  assert.ok(found !== undefined);
  return found;
}
