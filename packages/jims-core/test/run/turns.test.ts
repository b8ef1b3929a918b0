import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Turns } from '../../src/run/turns.ts';
import type { OwnRuns } from '../../src/run/turns.ts';
import type { PolledRun, RunOwner } from '../../src/store/store.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';

const ME = 'me';
const NEVER = new AbortController().signal;

test('a queued run waits until this process has its turn', async () => {
  using line = openTurns();
  const turn = line.wait('a');
  line.turns.started({ runId: 'a', instanceId: 'another' });
  line.turns.started({ runId: 'b', instanceId: ME });
  assert.equal(await isSettled(turn), false);
  line.turns.started({ runId: 'a', instanceId: ME });
  await turn;
});

test('a turn that comes before its accept has returned is not lost', async () => {
  using line = openTurns();
  const [endFirst, endSecond] = [line.turns.beginAccept(), line.turns.beginAccept()];
  line.turns.started({ runId: 'a', instanceId: ME });
  endFirst();
  await line.wait('a');
  line.turns.started({ runId: 'b', instanceId: ME });
  endSecond();
  const late = line.wait('b');
  assert.equal(await isSettled(late), false, 'it is forgotten with the last accept of that time');
});

test('a hint that comes before an accept has returned makes the run look by itself', async () => {
  using line = openTurns();
  line.answers = [polled('a', 'running')];
  const endAccept = line.turns.beginAccept();
  line.turns.hint();
  await line.wait('a');
  endAccept();
  assert.deepEqual(line.polls.at(-1), ['a']);
});

test('without a hint the store is not polled', async () => {
  using line = openTurns();
  line.turns.beginAccept()();
  line.turns.hint();
  line.polls.length = 0;
  const endAccept = line.turns.beginAccept();
  const turn = line.wait('a');
  endAccept();
  assert.equal(await isSettled(turn), false);
  assert.deepEqual(line.polls, []);
});

test('an answer about an earlier attempt does not count, one about a later attempt means lost', async () => {
  using line = openTurns();
  const turn = line.wait('a', 2);
  line.answers = [polled('a', 'running', 1)];
  line.turns.hint();
  assert.equal(await isSettled(turn), false);
  line.answers = [{ ...polled('a', 'failed', 1), instanceId: 'another' }];
  line.turns.hint();
  assert.equal(await isSettled(turn), false);
  line.answers = [polled('a', 'running', 3)];
  line.turns.hint();
  await assert.rejects(turn, { code: 'lost' });
});

test('a run that another process ended while it waited is lost', async () => {
  using line = openTurns();
  const turn = line.wait('a');
  line.answers = [polled('a', 'failed')];
  line.turns.hint();
  await assert.rejects(turn, { code: 'lost' });
});

test('a run that is stopped waits no longer, even if its turn comes at the same time', async () => {
  using line = openTurns();
  const reason = new Error('stopped');
  for (const hasTurn of [false, true]) {
    const controller = new AbortController();
    const turn = line.turns.wait(owner('a'), controller.signal);
    if (hasTurn) line.turns.started({ runId: 'a', instanceId: ME });
    controller.abort(reason);
    await assert.rejects(turn, reason);
  }
  await assert.rejects(line.turns.wait(owner('b'), AbortSignal.abort(reason)), reason);
});

test('a hint that comes during a poll makes another poll', async () => {
  using line = openTurns();
  const turn = line.wait('a');
  line.turns.hint();
  line.turns.hint();
  line.turns.hint();
  assert.equal(line.polls.length, 1);
  assert.equal(await isSettled(turn), false);
  assert.equal(line.polls.length, 2);
});

test('requests to stop, and runs that were taken, reach the runs of this process', async () => {
  using line = openTurns();
  line.answers = [
    { ...polled('a', 'running'), cancelRequested: true },
    { ...polled('b', 'running', 2), instanceId: 'another' },
    polled('c', 'running', 2),
    polled('d', 'running'),
  ];
  line.turns.hint();
  await isSettled(Promise.withResolvers().promise);
  assert.deepEqual(line.stopped, ['a']);
  line.owners = ['a', 'b', 'c', 'd'].map((runId) => owner(runId));
  await line.turns.checkOwners();
  assert.deepEqual(line.lost, ['b', 'c']);
});

interface Line extends Disposable {
  readonly turns: Turns;
  readonly polls: (readonly string[])[];
  readonly stopped: string[];
  readonly lost: string[];
  answers: readonly PolledRun[];
  owners: readonly RunOwner[];
  wait(runId: string, attempt?: number): Promise<void>;
}

function openTurns(): Line {
  const runs: OwnRuns = {
    get owners() {
      return line.owners;
    },
    stop: (runId) => void line.stopped.push(runId),
    lose: ({ runId }) => void line.lost.push(runId),
  };
  const store = {
    async pollRuns(_: string, runIds: readonly string[]) {
      line.polls.push(runIds);
      return line.answers;
    },
  };
  const turns = new Turns({ store, instanceId: ME, logger: silentLogger, runs });
  const line: Line = {
    turns,
    polls: [],
    stopped: [],
    lost: [],
    answers: [],
    owners: [owner('any')],
    wait: (runId, attempt) => turns.wait(owner(runId, attempt), NEVER),
    [Symbol.dispose]: () => turns.close(),
  };
  return line;
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
