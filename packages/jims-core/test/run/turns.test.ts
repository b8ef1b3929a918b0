import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Turns } from '../../src/run/turns.ts';
import type { OwnRuns } from '../../src/run/turns.ts';
import type { PolledRun, RunOwner } from '../../src/store/store.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';

const ME = 'me';
const NEVER = new AbortController().signal;

test('a queued run waits until this process has its turn', async () => {
  using queue = openTurns();
  const turn = queue.wait('a');
  queue.turns.started({ runId: 'a', instanceId: 'another' });
  queue.turns.started({ runId: 'b', instanceId: ME });
  assert.equal(await isSettled(turn), false);
  queue.turns.started({ runId: 'a', instanceId: ME });
  await turn;
});

test('a turn that comes before its accept has returned is not lost', async () => {
  using queue = openTurns();
  const [endFirst, endSecond] = [queue.turns.beginAccept(), queue.turns.beginAccept()];
  queue.turns.started({ runId: 'a', instanceId: ME });
  endFirst();
  await queue.wait('a');
  queue.turns.started({ runId: 'b', instanceId: ME });
  endSecond();
  const late = queue.wait('b');
  assert.equal(await isSettled(late), false, 'it is forgotten with the last accept of that time');
});

test('a hint that comes before an accept has returned makes the run look by itself', async () => {
  using queue = openTurns();
  queue.answers = [polled('a', 'running')];
  const endAccept = queue.turns.beginAccept();
  queue.turns.hint();
  await queue.wait('a');
  endAccept();
  assert.deepEqual(queue.polls.at(-1), ['a']);
});

test('without a hint the store is not polled', async () => {
  using queue = openTurns();
  queue.turns.beginAccept()();
  queue.turns.hint();
  queue.polls.length = 0;
  const endAccept = queue.turns.beginAccept();
  const turn = queue.wait('a');
  endAccept();
  assert.equal(await isSettled(turn), false);
  assert.deepEqual(queue.polls, []);
});

test('an answer about an earlier attempt does not count, one about a later attempt means lost', async () => {
  using queue = openTurns();
  const turn = queue.wait('a', 2);
  queue.answers = [polled('a', 'running', 1)];
  queue.turns.hint();
  assert.equal(await isSettled(turn), false);
  queue.answers = [{ ...polled('a', 'failed', 1), instanceId: 'another' }];
  queue.turns.hint();
  assert.equal(await isSettled(turn), false);
  queue.answers = [polled('a', 'running', 3)];
  queue.turns.hint();
  await assert.rejects(turn, { code: 'lost' });
});

test('a run that another process ended while it waited is lost', async () => {
  using queue = openTurns();
  const turn = queue.wait('a');
  queue.answers = [polled('a', 'failed')];
  queue.turns.hint();
  await assert.rejects(turn, { code: 'lost' });
});

test('a run that is stopped waits no longer, even if its turn comes at the same time', async () => {
  using queue = openTurns();
  const reason = new Error('stopped');
  for (const hasTurn of [false, true]) {
    const controller = new AbortController();
    const turn = queue.turns.wait(owner('a'), controller.signal);
    if (hasTurn) queue.turns.started({ runId: 'a', instanceId: ME });
    controller.abort(reason);
    await assert.rejects(turn, reason);
  }
  await assert.rejects(queue.turns.wait(owner('b'), AbortSignal.abort(reason)), reason);
});

test('a hint that comes during a poll makes another poll', async () => {
  using queue = openTurns();
  const turn = queue.wait('a');
  queue.turns.hint();
  queue.turns.hint();
  queue.turns.hint();
  assert.equal(queue.polls.length, 1);
  assert.equal(await isSettled(turn), false);
  assert.equal(queue.polls.length, 2);
});

test('a poll that takes long is not followed by another one before its time', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  using queue = openTurns();
  const answered = Promise.withResolvers<void>();
  queue.answered = answered.promise;
  t.mock.timers.tick(5000);
  answered.resolve();
  await isSettled(answered.promise);
  assert.equal(queue.polls.length, 1);
  t.mock.timers.tick(500);
  assert.equal(queue.polls.length, 2);
});

test('an attempt that follows a lost one looks by itself whether it has its turn', async () => {
  using queue = openTurns();
  const [lost, endAccept] = [queue.wait('a'), queue.turns.beginAccept()];
  queue.turns.started({ runId: 'a', instanceId: ME });
  await lost;
  queue.answers = [polled('a', 'running', 2)];
  assert.equal(await isSettled(queue.wait('a', 2)), true);
  endAccept();
});

test('requests to stop, and runs that were taken, reach the runs of this process', async () => {
  using queue = openTurns();
  queue.answers = [
    { ...polled('a', 'running'), cancelRequested: true },
    { ...polled('b', 'running', 2), instanceId: 'another' },
    polled('c', 'running', 2),
    polled('d', 'running'),
  ];
  queue.turns.hint();
  await isSettled(Promise.withResolvers().promise);
  assert.deepEqual(queue.stopped, ['a']);
  queue.owners = ['a', 'b', 'c', 'd'].map((runId) => owner(runId));
  await queue.turns.checkOwners();
  assert.deepEqual(queue.lost, ['b', 'c']);
});

interface Queue extends Disposable {
  readonly turns: Turns;
  readonly polls: (readonly string[])[];
  readonly stopped: string[];
  readonly lost: string[];
  answers: readonly PolledRun[];
  /** When the store answers; default: at once. */
  answered?: Promise<void>;
  owners: readonly RunOwner[];
  wait(runId: string, attempt?: number): Promise<void>;
}

function openTurns(): Queue {
  const runs: OwnRuns = {
    get owners() {
      return queue.owners;
    },
    stop: (runId) => void queue.stopped.push(runId),
    lose: ({ runId }) => void queue.lost.push(runId),
  };
  const store = {
    async pollRuns(_: string, runIds: readonly string[]) {
      queue.polls.push(runIds);
      if (queue.answered) await queue.answered;
      return queue.answers.filter((run) => run.cancelRequested || runIds.includes(run.runId));
    },
  };
  const turns = new Turns({ store, instanceId: ME, logger: silentLogger, runs });
  const queue: Queue = {
    turns,
    polls: [],
    stopped: [],
    lost: [],
    answers: [],
    owners: [owner('any')],
    wait: (runId, attempt) => turns.wait(owner(runId, attempt), NEVER),
    [Symbol.dispose]: () => turns.close(),
  };
  return queue;
}

function owner(runId: string, attempt = 1): RunOwner {
  return { runId, attempt, threadId: 't', instanceId: ME };
}

function polled(runId: string, status: PolledRun['status'], attempt = 1): PolledRun {
  return { runId, attempt, status, instanceId: ME, cancelRequested: false };
}

/** Whether it is settled when all that could be done was done. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => void (settled = true);
  promise.then(settle, settle);
  await new Promise(setImmediate);
  return settled;
}
