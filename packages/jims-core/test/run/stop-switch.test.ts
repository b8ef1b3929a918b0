import assert from 'node:assert/strict';
import { test } from 'node:test';

import { StopSwitch, failCurrentRun, isCancel } from '../../src/run/stop-switch.ts';

const GRACE_MS = 60_000;

test('only the first reason to stop counts', () => {
  const stop = new StopSwitch(GRACE_MS);
  assert.equal(stop.reason, undefined);
  stop.stop('deadline');
  stop.cancel();
  assert.equal(stop.reason, 'deadline');
  assert.ok(stop.signal.aborted);
  stop.close();
});

test('what is closed is not stopped', () => {
  const stop = new StopSwitch(GRACE_MS);
  stop.close();
  stop.cancel();
  assert.equal(stop.reason, undefined);
  assert.equal(stop.signal.aborted, false);
});

test('a run stops when its last reader has left and one of them wanted that', () => {
  const stop = new StopSwitch(GRACE_MS);
  const [leaveFirst, leaveSecond] = [stop.attach('cancel'), stop.attach('continue')];
  leaveFirst();
  leaveFirst();
  assert.equal(stop.reason, undefined);
  leaveSecond();
  assert.equal(stop.reason, 'disconnected');
  stop.close();
});

test('a run goes on when its readers leave and none wanted it to stop', () => {
  const stop = new StopSwitch(GRACE_MS);
  stop.attach('continue')();
  assert.equal(stop.reason, undefined);
});

test('work is given up when an error was left behind, before or meanwhile', async () => {
  const error = new Error('left behind');
  const before = new StopSwitch(GRACE_MS);
  before.fail(error);
  await assert.rejects(
    before.guard(() => new Promise(() => {})),
    error,
  );
  const meanwhile = new StopSwitch(GRACE_MS);
  const work = meanwhile.guard(async () => {
    assert.equal(failCurrentRun(error), true);
    assert.equal(failCurrentRun(new Error('later')), true);
    await new Promise(() => {});
  });
  await assert.rejects(work, error);
});

test('work that goes on for longer than its grace is given up', async () => {
  const stop = new StopSwitch(1);
  const work = stop.guard(() => new Promise(() => {}));
  stop.stop('cancelled');
  await assert.rejects(work, { name: 'AbortError' });
});

test('an error outside of all runs belongs to none', () => {
  assert.equal(failCurrentRun(new Error('nobody’s')), false);
});

test('a deadline and a lost run are failures, all other stops are wanted', () => {
  const reasons = ['cancelled', 'interrupted', 'disconnected', 'shutting_down'] as const;
  assert.ok(reasons.every(isCancel));
  assert.ok(![undefined, 'deadline' as const, 'lost' as const].some(isCancel));
});
