// What a run promises, against a model of a few lines: whatever is done, and in whatever order, the
// logs and the states are those that the model says.
//
// JIMS_MODEL_RUNS says how often, JIMS_MODEL_MS for how long at most; a failure prints the seed and the
// shortest steps that show it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import fc from 'fast-check';

import { isJimsError } from '../../src/errors/jims-error.ts';
import { isAfter, isRunEnd } from '../../src/run/run-events.ts';
import type { NumberedRunEvent, RunEnd } from '../../src/run/run-events.ts';
import type { Run } from '../../src/run/run.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { createPuppets, startProcess } from '../support/processes.ts';
import type { TestProcess } from '../support/processes.ts';
import { createRunModel } from '../support/run-model.ts';
import type { ModelRun } from '../support/run-model.ts';
import { eventsOf, keyOf, question } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

type Step =
  | {
      readonly do: 'send';
      readonly process: number;
      readonly thread: number;
      readonly onBusy: 'queue' | 'reject' | 'interrupt';
      readonly isDeaf: boolean;
    }
  | { readonly do: 'say' | 'stream' | 'return' | 'throw'; readonly run: number }
  | { readonly do: 'cancel' | 'retry' | 'join'; readonly run: number; readonly process: number }
  | { readonly do: 'leave'; readonly run: number }
  | { readonly do: 'die' | 'sleep'; readonly process: number };

const THREADS = 2;
const QUEUE_LIMIT = 3;
const LIMITS = { queueLimit: QUEUE_LIMIT, graceMs: 50 };
const GIVE_UP_MS = 20_000;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      process: fc.nat(1),
      thread: fc.nat(THREADS - 1),
      onBusy: fc.constantFrom('queue' as const, 'queue' as const, 'reject', 'interrupt'),
      isDeaf: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('say' as const, 'stream' as const, 'return' as const, 'throw' as const),
      run: fc.nat(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('cancel' as const, 'retry' as const, 'join' as const),
      run: fc.nat(),
      process: fc.nat(1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), run: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('die' as const, 'sleep' as const),
      process: fc.nat(1),
    }),
  },
);

const SEND = { do: 'send', process: 0, thread: 0, onBusy: 'queue', isDeaf: false } as const;

/** What has failed once. */
const FOUND_BEFORE: [Step[]][] = [
  // Asked for a run that it has lost without knowing, a process reported its own attempt.
  [
    [
      SEND,
      { do: 'sleep', process: 0 },
      SEND,
      { do: 'retry', run: 0, process: 1 },
      SEND,
      { do: 'retry', run: 0, process: 0 },
      { do: 'throw', run: 0 },
    ],
  ],
];

describeStores((kind) => {
  test('whatever is done to runs, they are what the model says', async (t) => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    // A SQLite file has one process, and so one store; it is closed at the end.
    const own = { ...store, close: async () => {} };
    const open = store.shared ? () => openStore(database.url) : () => Promise.resolve(own);
    const processes = store.shared ? 2 : 1;
    const numRuns = Number(process.env['JIMS_MODEL_RUNS'] ?? (processes === 2 ? 12 : 80));
    const interruptAfterTimeLimit = Number(process.env['JIMS_MODEL_MS'] ?? 240_000);
    const steps = fc.array(step, { minLength: 1, maxLength: 25 });
    let sequences = 0;
    const property = fc.asyncProperty(steps, async (all) => {
      await using world = await openWorld(store, { open, size: processes });
      for (const each of all) {
        await world.take(each);
        await world.agree();
      }
      await world.finishAll();
      sequences++;
    });
    await fc.assert(property, { numRuns, interruptAfterTimeLimit, examples: FOUND_BEFORE });
    t.diagnostic(`${sequences} sequences of steps on ${kind.name}`);
  });
});

/** Somebody who listens to a run. */
interface Listener {
  readonly model: ModelRun;
  readonly attempt: number;
  readonly process: TestProcess;
  /** Whether the pieces of the text are kept for it; after a restart on SQLite they are not. */
  readonly hearsPieces: boolean;
  readonly events: NumberedRunEvent[];
  end: RunEnd | undefined;
  hasLeft: boolean;
}

interface World extends AsyncDisposable {
  take(step: Step): Promise<void>;
  /** Waits until store and pipelines are as the model says. */
  agree(): Promise<void>;
  /** Ends all runs, and looks at what the listeners heard. */
  finishAll(): Promise<void>;
}

async function openWorld(
  store: Store,
  { open, size }: { readonly open: () => Promise<Store>; readonly size: number },
): Promise<World> {
  const model = createRunModel(THREADS, QUEUE_LIMIT);
  const puppets = createPuppets((text) => text.endsWith('deaf'));
  const start = async (): Promise<TestProcess> => startProcess(await open(), puppets, LIMITS);
  const processes = await Promise.all(Array.from({ length: size }, start));
  const dead = new Set<TestProcess>();
  const threads: string[] = [];
  for (let n = 0; n < THREADS; n++) {
    const { thread } = await store.openThread({ contactId: randomUUID() });
    threads.push(thread.id);
  }
  const ids = new Map<string, string>();
  const owners = new Map<string, TestProcess>();
  const owned = new Map<ModelRun, Run>();
  const listeners: Listener[] = [];
  let said = 0;

  function ask(
    run: Pick<ModelRun, 'text' | 'thread'>,
    by: number,
    onBusy: 'queue' | 'reject' | 'interrupt',
  ): Promise<Run> {
    return at(processes, by).app.runs.start({
      thread: { kind: 'thread', threadId: at(threads, run.thread) },
      incoming: question(run.text),
      onBusy,
      idempotency: keyOf(run.text),
    });
  }

  async function listen(modelRun: ModelRun, run: Run, by: number): Promise<void> {
    const listener: Listener = {
      model: modelRun,
      attempt: modelRun.attempt,
      process: at(processes, by),
      hearsPieces: store.shared || owners.get(run.id) === at(processes, by),
      events: [],
      end: undefined,
      hasLeft: false,
    };
    listeners.push(listener);
    for await (const event of run.listen()) {
      if (listener.hasLeft) return;
      listener.events.push(event);
      if (isRunEnd(event)) listener.end = event;
    }
  }

  async function send(next: Step & { do: 'send' }): Promise<void> {
    const text = `q${model.runs.length}-${randomUUID().slice(0, 8)}${next.isDeaf ? '-deaf' : ''}`;
    const by = next.process % size;
    const { thread, onBusy } = next;
    const expected = model.send({ text, thread, process: by, onBusy });
    try {
      const run = await ask({ text, thread }, by, onBusy);
      assert.ok(typeof expected === 'object', `it was to be refused: ${JSON.stringify(expected)}`);
      assert.equal(run.replayed, false);
      ids.set(text, run.id);
      owners.set(run.id, at(processes, by));
      owned.set(expected, run);
      void listen(expected, run, by);
      await withdrawn();
    } catch (error) {
      assert.equal(isJimsError(error) ? error.code : error, expected);
    }
  }

  async function retry(run: ModelRun, by: number): Promise<void> {
    const expected = model.retry(run, by);
    try {
      const again = await ask(run, by, 'queue');
      assert.equal(again.id, ids.get(run.text));
      assert.equal(again.replayed, expected === 'same');
      if (expected === 'again') owned.set(run, again);
      void listen(run, again, by);
    } catch (error) {
      assert.equal(isJimsError(error) ? error.code : error, expected);
    }
  }

  async function act(name: 'say' | 'stream' | 'return' | 'throw', index: number): Promise<void> {
    const running = model.runs.filter(({ status }) => status === 'running');
    if (running.length === 0) return;
    const run = at(running, index);
    const text = `a${++said}`;
    if (name === 'say') model.say(run, text);
    else if (name === 'stream') model.stream(run, text);
    if (name === 'say' || name === 'stream') puppets.tell(run.text, { do: name, text });
    else puppets.tell(run.text, { do: name });
    // What is said is heard at once; nothing else happens.
    if (name === 'say' || name === 'stream') {
      await until(() =>
        listeners.some(
          ({ model: of, hasLeft, events }) => of !== run || hasLeft || events.length > 0,
        ),
      );
      return;
    }
    model.end(run, name === 'return' ? 'completed' : 'failed');
  }

  async function take(next: Step): Promise<void> {
    const by = 'process' in next ? next.process % size : 0;
    const run = 'run' in next && model.runs.length > 0 ? at(model.runs, next.run) : undefined;
    switch (next.do) {
      case 'send':
        return send(next);
      case 'die': {
        const victim = at(processes, by);
        model.die(by);
        dead.add(victim);
        processes[by] = await start();
        return victim.die();
      }
      case 'sleep':
        model.sleep(by);
        return at(processes, by).sleep();
      case 'say':
      case 'stream':
      case 'return':
      case 'throw':
        return act(next.do, next.run);
      case 'leave': {
        const listener = listeners.length > 0 ? at(listeners, next.run) : undefined;
        if (listener) listener.hasLeft = true;
        return;
      }
      case 'cancel':
        if (!run) return;
        model.cancel(run);
        await at(processes, by).app.runs.cancel(idOf(run));
        return withdrawn();
      case 'retry':
        if (run) await retry(run, by);
        return;
      case 'join': {
        const found = run && (await at(processes, by).app.runs.find(idOf(run)));
        if (found) void listen(run, found, by);
        return;
      }
    }
  }

  /** Until then a run that waits may still get its turn, or be lost with its process. */
  async function withdrawn(): Promise<void> {
    for (const run of model.runs) if (run.isWithdrawn && !run.isOrphan) await owned.get(run)?.end;
  }

  function idOf(run: ModelRun): string {
    const id = ids.get(run.text);
    assert.ok(id);
    return id;
  }

  /** What is not as the model says; nothing when all is. */
  async function difference(): Promise<string | undefined> {
    for (const [index, threadId] of threads.entries()) {
      const log = (await eventsOf(store, threadId))
        .filter(({ type }) => type.startsWith('comm.'))
        .map(({ data }) => String(data['content']));
      const expected = model.log(index);
      if (log.join() !== expected.join()) {
        return `log ${index} is [${log.join()}], to be [${expected.join()}]`;
      }
    }
    for (const run of model.runs) {
      const record = await store.run(idOf(run));
      const { status, code } = { status: record?.status, code: record?.error?.code };
      if (status !== run.status || (run.code && run.code !== code)) {
        return `${run.text} is ${status} (${code}, ${record?.error?.message}), to be ${run.status} (${run.code})`;
      }
      const starts = puppets.starts(run.text);
      if (starts !== run.begun) {
        return `${run.text} was started ${starts} times, to be ${run.begun}`;
      }
    }
    return undefined;
  }

  async function agree(): Promise<void> {
    let last: string | undefined;
    const from = performance.now();
    do {
      last = await difference();
      if (last === undefined) return;
      await sleep(5);
    } while (performance.now() - from < GIVE_UP_MS);
    assert.fail(last);
  }

  return {
    take,
    agree,
    async finishAll() {
      for (;;) {
        const running = model.runs.find(({ status }) => status === 'running');
        if (!running) break;
        await act(
          'return',
          model.runs.filter(({ status }) => status === 'running').indexOf(running),
        );
        await agree();
      }
      assert.ok(model.runs.every(({ status }) => status !== 'queued'));
      for (const listener of listeners) {
        if (listener.hasLeft || dead.has(listener.process)) continue;
        await until(() => listener.end !== undefined);
        checkListener(listener);
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(processes.map((each) => each.close()));
    },
  };
}

/** A listener hears everything once, in order, and one end: the one that is stored. */
function checkListener({ model, attempt, events, end, hearsPieces }: Listener): void {
  for (const [index, event] of events.slice(1).entries()) {
    const before = events[index];
    assert.ok(before && isAfter(event, before), 'each position is after the one before it');
  }
  assert.equal(events.filter(isRunEnd).length, 1, 'one end');
  assert.equal(events.at(-1), end, 'the end is the last');
  const isLost = end?.type === 'error' && end.error.code === 'lost';
  if (isLost && (model.attempt > attempt || model.code === 'lost')) return;
  const types = { completed: 'result', failed: 'error', cancelled: 'cancelled' } as const;
  assert.equal(end?.type, model.status in types ? types[model.status as 'completed'] : undefined);
  if (model.attempt > 1 || !hearsPieces) return;
  const deltas = events.map((event) => (event.type === 'delta' ? event.delta : '')).join('');
  assert.equal(deltas, model.streamed, 'every piece, once');
}

async function until(isSo: () => boolean): Promise<void> {
  const start = performance.now();
  while (!isSo()) {
    assert.ok(performance.now() - start < GIVE_UP_MS, 'it never came');
    await sleep(2);
  }
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length];
  assert.ok(found !== undefined);
  return found;
}
