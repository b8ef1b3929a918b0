import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import fc from 'fast-check';

import { openStore } from '../../src/store/open-store.ts';
import { NOBODY } from '../../src/store/store.ts';
import type {
  AnswerRule,
  QuestionRecord,
  RunOutcomeRecord,
  RunOwner,
  RunRecord,
  Store,
} from '../../src/store/store.ts';
import { newId } from '../../src/thread/new-id.ts';
import { DURABLE, KEPT, TO_SERVICE, endPauses, reap } from '../support/durable-runs.ts';
import { eventsOf, storeUser } from '../support/store-user.ts';
import type { StoreUser } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

type Step =
  | {
      readonly do: 'send';
      readonly user: number;
      readonly thread: number;
      readonly durable: boolean;
      readonly rule: 'open' | 'decline' | 'none';
      readonly interrupt: boolean;
    }
  | {
      readonly do: 'question';
      readonly run: number;
      readonly toService: boolean;
      readonly early: boolean;
      readonly tell: boolean;
      readonly isDue: boolean;
    }
  | { readonly do: 'finish' | 'release' | 'cancel' | 'retry'; readonly run: number }
  | { readonly do: 'fail'; readonly run: number }
  | { readonly do: 'approve'; readonly question: number }
  | { readonly do: 'die' | 'reap'; readonly user: number };

const USERS = 2;
const THREADS = 2;
const run = fc.nat();
const user = fc.nat(USERS - 1);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      user,
      thread: fc.nat(THREADS - 1),
      durable: fc.boolean(),
      rule: fc.constantFrom('open' as const, 'open' as const, 'decline' as const, 'none' as const),
      interrupt: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('question' as const),
      run,
      toService: fc.boolean(),
      early: fc.boolean(),
      tell: fc.boolean(),
      isDue: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('finish' as const), run }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('release' as const, 'cancel' as const, 'retry' as const, 'fail' as const),
      run,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('approve' as const), question: fc.nat() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('die' as const, 'reap' as const), user }),
  },
);

describeStores((kind) => {
  test('whatever happens to durable runs, threads go on and questions have one answer', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const world = await openWorld(store, () => endPauses(kind, database.url));
      for (const each of steps) {
        await world.take(each);
        await world.check();
      }
      await world.finishAll();
    });
    await fc.assert(property, { numRuns: kind.name === 'sqlite' ? 25 : 8 });
  });

  test('whatever happens to them at the same time, threads go on and questions have one answer', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const batch = fc.array(step, { minLength: 2, maxLength: 12 });
    const property = fc.asyncProperty(fc.array(batch, { maxLength: 4 }), async (batches) => {
      const world = await openWorld(store, () => endPauses(kind, database.url));
      for (const steps of batches) {
        await Promise.all(steps.map((each) => world.take(each)));
        await world.check();
      }
      await world.finishAll();
    });
    await fc.assert(property, { numRuns: kind.name === 'sqlite' ? 25 : 8 });
  });
});

interface World {
  take(step: Step): Promise<void>;
  /** Reads all, and compares it with what must always be so. */
  check(): Promise<void>;
  /** Ends all runs and questions, and sees that none is left. */
  finishAll(): Promise<void>;
}

async function openWorld(store: Store, endAllPauses: () => Promise<void>): Promise<World> {
  const users = await Promise.all(Array.from({ length: USERS }, () => storeUser(store)));
  const threads: string[] = [];
  for (let n = 0; n < THREADS; n++) {
    const { thread } = await store.openThread({ contactId: randomUUID() });
    threads.push(thread.id);
  }
  const sent = new Set<string>();

  async function questions(): Promise<readonly QuestionRecord[]> {
    const lists = threads.map((threadId) => store.listQuestions({ threadId, limit: 1000 }));
    return (await Promise.all(lists)).flatMap((list) => list.questions);
  }

  /** Those of messages, and those that the store began. */
  async function runs(): Promise<readonly RunRecord[]> {
    const ids = new Set(sent);
    for (const { answeredBy } of await questions()) if (answeredBy) ids.add(answeredBy);
    const records = await Promise.all([...ids].map((id) => store.run(id)));
    return records.map((record) => {
      assert.ok(record, 'an accepted run is there');
      return record;
    });
  }

  async function send(by: StoreUser, threadId: string, options: object): Promise<void> {
    const runId = newId();
    const thread = { kind: 'thread', threadId } as const;
    await by.accept(runId, { runId, thread, ...options });
    sent.add(runId);
  }

  async function end(number: number, outcome: Partial<RunOutcomeRecord>): Promise<void> {
    const running = (await runs()).filter(({ status }) => status === 'running');
    if (running.length === 0) return;
    const record = at(running, number);
    await store.finishRun(ownerOf(record), { ...DONE, ...outcome });
  }

  async function pose(next: Extract<Step, { do: 'question' }>): Promise<void> {
    const running = (await runs()).filter(({ status }) => status === 'running');
    if (running.length === 0) return;
    const record = at(running, next.run);
    const question = {
      questionId: newId(),
      chainId: record.chainId,
      audience: 'contact',
      accepts: ['comm.user_message'],
      ...(next.toService && TO_SERVICE),
      early: next.early && !next.toService,
      tell: next.tell,
      expiresInMs: next.isDue ? 0 : 3_600_000,
      kept: KEPT,
      config: {},
    } as const;
    await store.finishRun(ownerOf(record), { ...DONE, question });
  }

  async function take(next: Step): Promise<void> {
    switch (next.do) {
      case 'send': {
        const { rule: kind, durable, interrupt } = next;
        const rule: AnswerRule = { kind };
        const onBusy = interrupt ? 'interrupt' : 'queue';
        const options = { answer: rule, onBusy, ...(durable && DURABLE) };
        return send(at(users, next.user), at(threads, next.thread), options);
      }
      case 'question':
        return pose(next);
      case 'finish':
        return end(next.run, {});
      case 'fail':
        return end(next.run, {
          status: 'failed',
          error: { code: 'pipeline_changed', message: '' },
        });
      case 'approve': {
        const open = (await questions()).filter(({ audience }) => audience === 'service');
        if (open.length === 0) return;
        const { questionId, threadId } = at(open, next.question);
        const runId = newId();
        const result = await at(users, 0).ask(runId, {
          runId,
          thread: { kind: 'thread', threadId },
          answer: { kind: 'question', questionId, audience: 'service' },
          onBusy: 'reject',
        });
        if (result.kind === 'accepted') sent.add(runId);
        else assert.match(result.kind, /^question_(closed|expired)$/);
        return;
      }
      case 'die': {
        const { instanceId } = at(users, next.user);
        await store.endLease(instanceId);
        await reap(at(users, next.user + 1));
        await store.renewLease(instanceId, 60_000);
        return;
      }
      case 'reap':
        await endAllPauses();
        await reap(at(users, next.user), { places: 2 });
        return;
      default:
        return ofOneRun(next.do, next.run);
    }
  }

  async function ofOneRun(what: 'release' | 'cancel' | 'retry', number: number): Promise<void> {
    const all = await runs();
    if (all.length === 0) return;
    const record = at(all, number);
    const { runId, durable } = record;
    if (what === 'cancel') await store.requestCancel(runId);
    else if (what === 'retry') await store.retryRun({ runId, instanceId: at(users, 0).instanceId });
    else if (durable) await store.releaseRun(ownerOf(record));
  }

  async function check(): Promise<void> {
    const all = await runs();
    const posed = await questions();
    for (const threadId of threads) {
      const own = all.filter(({ thread }) => thread.id === threadId);
      const log = await eventsOf(store, threadId);
      checkThread(own, new Set(log.map(({ id }) => id)), log.length);
      const open = posed.filter((each) => each.threadId === threadId && each.state === 'open');
      assert.ok(open.filter(({ audience }) => audience === 'contact').length <= 1);
    }
    checkQuestions(posed, all);
  }

  return {
    take,
    check,
    async finishAll() {
      for (let round = 0; ; round++) {
        assert.ok(round < 1000, 'all comes to an end');
        await endAllPauses();
        await reap(at(users, 0));
        await check();
        const active = (await runs()).filter(isActive);
        if (active.length === 0) break;
        const running = active.filter(({ status }) => status === 'running');
        assert.ok(running.length > 0, 'a queue never stands still');
        for (const record of running) {
          assert.notEqual(record.instanceId, NOBODY, 'a living process takes what is nobody’s');
          await store.finishRun(ownerOf(record), DONE);
        }
      }
    },
  };
}

const DONE: RunOutcomeRecord = { status: 'completed', events: [], lastSeq: 1 };

function checkThread(
  runs: readonly RunRecord[],
  logged: ReadonlySet<string>,
  length: number,
): void {
  assert.equal(logged.size, length, 'an event is in the log once');
  const running = runs.filter(({ status }) => status === 'running').length;
  assert.ok(running <= 1, 'one run of a thread runs at a time');
  if (runs.some(({ status }) => status === 'queued')) assert.equal(running, 1);
  for (const { runId, status, attempt, error } of runs) {
    if (status !== 'queued') assert.ok(logged.has(runId), 'its message is in the log');
    else if (attempt === 1) assert.ok(!logged.has(runId), 'its turn has not come');
    if (status === 'failed') assert.ok(error);
  }
}

/** Each question that is over, and each run that continues one, belong together. */
function checkQuestions(questions: readonly QuestionRecord[], runs: readonly RunRecord[]): void {
  const byId = new Map(questions.map((question) => [question.questionId, question]));
  for (const { runId, continues, chainId, durable, question } of runs) {
    if (question) assert.equal(question.runId, runId);
    if (continues === undefined) assert.equal(chainId, runId);
    else {
      assert.ok(durable);
      assert.equal(byId.get(continues)?.answeredBy, runId);
      assert.equal(byId.get(continues)?.chainId, chainId);
    }
  }
  for (const { questionId, state, answeredBy, closedAt } of questions) {
    assert.equal(closedAt === undefined, state === 'open');
    const follower = runs.find(({ runId }) => runId === answeredBy);
    if (answeredBy !== undefined) assert.equal(follower?.continues, questionId);
    if (state === 'answered' || state === 'expired') assert.ok(follower);
  }
}

function ownerOf({ runId, attempt, thread, instanceId }: RunRecord): RunOwner {
  return { runId, attempt, threadId: thread.id, instanceId };
}

function isActive({ status }: RunRecord): boolean {
  return status === 'queued' || status === 'running';
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length];
  assert.ok(found !== undefined);
  return found;
}
