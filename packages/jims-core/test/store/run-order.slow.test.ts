import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import fc from 'fast-check';

import { openStore } from '../../src/store/open-store.ts';
import type { AcceptResult, RunRecord, RunThread, Store } from '../../src/store/store.ts';
import type { ThreadEvent } from '../../src/thread/event.ts';
import { answer, eventsOf, keyOf, question, storeUser } from '../support/store-user.ts';
import type { StoreUser } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

type Step =
  | {
      readonly do: 'ask';
      readonly user: number;
      readonly thread: number;
      readonly interrupt: boolean;
    }
  | { readonly do: 'finish'; readonly run: number; readonly messages: number }
  | { readonly do: 'cancel' | 'retry'; readonly run: number }
  | { readonly do: 'die'; readonly user: number };

const USERS = 2;
const THREADS = 2;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      user: fc.nat(USERS - 1),
      thread: fc.nat(THREADS - 1),
      interrupt: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('finish' as const),
      run: fc.nat(),
      messages: fc.nat(2),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('cancel' as const, 'retry' as const),
      run: fc.nat(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const), user: fc.nat(USERS - 1) }) },
);

describeStores((kind) => {
  test('whatever happens, runs keep their order and every question is kept once', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const world = await openWorld(store);
      for (const each of steps) {
        await world.take(each);
        await world.check();
        world.checkLine();
      }
      await world.finishAll();
      await world.check();
      world.checkLine();
    });
    await fc.assert(property, { numRuns: kind.name === 'sqlite' ? 25 : 8 });
  });

  test('whatever happens at the same time, a question and its answer stay together', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const batch = fc.array(step, { minLength: 2, maxLength: 12 });
    const property = fc.asyncProperty(fc.array(batch, { maxLength: 5 }), async (batches) => {
      const world = await openWorld(store);
      for (const steps of batches) {
        await Promise.all(steps.map((each) => world.take(each)));
        await world.check();
      }
      await world.finishAll();
      await world.check();
    });
    await fc.assert(property, { numRuns: kind.name === 'sqlite' ? 25 : 8 });
  });
});

interface Asked {
  readonly text: string;
  readonly thread: RunThread;
  readonly runId: string;
}

interface World {
  take(step: Step): Promise<void>;
  /** Reads all, and compares it with what must always be so. */
  check(): Promise<void>;
  /** That the questions in the logs are in the order of asking; only when nothing was done at once. */
  checkLine(): void;
  /** Ends all runs, and sees that none is left. */
  finishAll(): Promise<void>;
}

async function openWorld(store: Store): Promise<World> {
  const users = await Promise.all(Array.from({ length: USERS }, () => storeUser(store)));
  const threads: RunThread[] = [];
  for (let n = 0; n < THREADS; n++) {
    const { thread } = await store.openThread({ contactId: randomUUID() });
    threads.push({ kind: 'thread', threadId: thread.id });
  }
  const questions: Asked[] = [];
  let logs = new Map<string, readonly ThreadEvent[]>();

  async function ask(user: StoreUser, was: Asked, interrupt: boolean): Promise<AcceptResult> {
    return user.ask(was.text, {
      runId: was.runId,
      thread: was.thread,
      onBusy: interrupt ? 'interrupt' : 'queue',
      idempotency: keyOf(was.runId),
    });
  }

  async function record({ runId }: Asked): Promise<RunRecord> {
    const found = await store.run(runId);
    assert.ok(found, 'an accepted run is there');
    return found;
  }

  async function activeRuns(): Promise<readonly RunRecord[]> {
    const records = await Promise.all(questions.map(record));
    return records.filter((run) => run.status === 'queued' || run.status === 'running');
  }

  function finish(run: RunRecord, messages: number): Promise<unknown> {
    const events = Array.from({ length: messages }, (_, n) => answer(`${run.runId} ${n}`));
    const { runId, attempt, thread, instanceId } = run;
    const owner = { runId, attempt, threadId: thread.id, instanceId };
    return store.finishRun(owner, { status: 'completed', events, lastSeq: 1 });
  }

  async function take(next: Step): Promise<void> {
    switch (next.do) {
      case 'ask': {
        const thread = at(threads, next.thread);
        const runId = randomUUID();
        const was = { text: runId, thread, runId };
        const result = await ask(at(users, next.user), was, next.interrupt);
        assert.equal(result.kind, 'accepted');
        questions.push(was);
        return;
      }
      case 'finish': {
        const active = await activeRuns();
        if (active.length > 0) await finish(at(active, next.run), next.messages);
        return;
      }
      case 'cancel': {
        if (questions.length > 0) await store.requestCancel(at(questions, next.run).runId);
        return;
      }
      case 'retry': {
        if (questions.length === 0) return;
        const was = at(questions, next.run);
        const result = await ask(at(users, 0), was, false);
        assert.ok(result.kind === 'accepted' || result.kind === 'existing');
        assert.equal(result.runId, was.runId);
        return;
      }
      case 'die': {
        const { instanceId } = at(users, next.user);
        await store.endLease(instanceId);
        await store.reapRuns();
        await store.renewLease(instanceId, 60_000);
        return;
      }
    }
  }

  async function check(): Promise<void> {
    const records = await Promise.all(questions.map(record));
    const before = logs;
    logs = new Map();
    for (const thread of threads) {
      const id = threadIdOf(thread);
      const log = await eventsOf(store, id);
      logs.set(id, log);
      checkLog(log, before.get(id) ?? []);
      const runs = records.filter((run) => run.thread.id === id);
      checkRuns(runs, log);
    }
  }

  return {
    take,
    check,
    checkLine() {
      for (const thread of threads) {
        const log = logs.get(threadIdOf(thread)) ?? [];
        const inLog = log.filter(isQuestion).map((event) => event.data['content']);
        const inOrder = questions.filter((each) => each.thread === thread).map((each) => each.text);
        assert.deepEqual(inLog, inOrder.slice(0, inLog.length));
      }
    },
    async finishAll() {
      for (;;) {
        const active = await activeRuns();
        if (active.length === 0) return;
        const running = active.filter((run) => run.status === 'running');
        assert.ok(running.length > 0, 'a line never stands still');
        for (const run of running) await finish(run, 1);
      }
    },
  };
}

function checkLog(log: readonly ThreadEvent[], before: readonly ThreadEvent[]): void {
  assert.deepEqual(log.slice(0, before.length), before, 'a log only grows at its end');
  for (const [index, event] of log.slice(1).entries()) {
    assert.ok(event.createdAt > (log[index]?.createdAt ?? ''), 'each event is later than the last');
  }
}

function checkRuns(runs: readonly RunRecord[], log: readonly ThreadEvent[]): void {
  const running = runs.filter((run) => run.status === 'running').length;
  assert.ok(running <= 1, 'one run of a thread runs at a time');
  if (runs.some((run) => run.status === 'queued')) assert.equal(running, 1);
  for (const run of runs) {
    const places = log.flatMap((event, index) =>
      isQuestion(event) && event.data['content'] === run.incoming?.data['content'] ? [index] : [],
    );
    const waits = run.status === 'queued' && run.attempt === 1;
    assert.equal(places.length, waits ? 0 : 1, 'a question is in the log once its run has started');
    if (run.attempt > 1) continue;
    const behind = log.slice((places[0] ?? 0) + 1).slice(0, run.events.length);
    assert.deepEqual(behind, run.events, 'an answer is right behind its question');
  }
}

function isQuestion(event: ThreadEvent): boolean {
  return event.type === question('').type;
}

function threadIdOf(thread: RunThread): string {
  return thread.kind === 'thread' ? thread.threadId : '';
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length];
  assert.ok(found !== undefined);
  return found;
}
