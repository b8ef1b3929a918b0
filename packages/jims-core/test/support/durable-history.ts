// Random histories of a small service: messages and answers, and all that can happen to its processes.
import fc from 'fast-check';

import type { Store } from '../../src/store/store.ts';
import { checkPromises } from './durable-oracle.ts';
import type { StoreClock } from './durable-oracle.ts';
import type { DurableWorld } from './durable-world.ts';
import { question as message } from './store-user.ts';

export type Action =
  | { readonly do: 'message'; readonly thread: number; readonly declines: boolean }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'answer' | 'expire' | 'withdraw' | 'cancel' }
  | Disturbance;

/** What happens to processes, and to what they get of their store. */
type Disturbance =
  | { readonly do: 'look' | 'thaw' | 'lose answer' }
  | { readonly do: 'die' | 'freeze'; readonly process: number }
  | { readonly do: 'leave'; readonly process: number; readonly drains: boolean }
  | { readonly do: 'crash'; readonly points: number }
  | { readonly do: 'wake late'; readonly ms: number };

const MOST_ROUNDS = 80;
const DRAIN_MS = 100;

export function actions(withCrashes: boolean): fc.Arbitrary<readonly Action[]> {
  const process = fc.nat(3);
  const only = <const T extends string>(name: T): fc.Arbitrary<{ readonly do: T }> =>
    fc.record({ do: fc.constant(name) });
  const thread = fc.nat(1);
  const seldom = fc.constantFrom(false, false, false, false, false, true);
  const waits = fc.record({ do: fc.constant('wait' as const), ms: fc.nat(12) });
  const messages = fc.record({ do: fc.constant('message' as const), thread, declines: seldom });
  const always = [
    { weight: 5, arbitrary: messages },
    { weight: 6, arbitrary: waits },
    { weight: 2, arbitrary: only('answer') },
    { weight: 1, arbitrary: only('expire') },
    { weight: 1, arbitrary: only('withdraw') },
    { weight: 1, arbitrary: only('cancel') },
    { weight: 1, arbitrary: only('lose answer') },
  ];
  const crashes = [
    { weight: 2, arbitrary: fc.record({ do: fc.constant('die' as const), process }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('freeze' as const), process }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('leave' as const), process, drains: fc.boolean() }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('crash' as const),
        points: fc.integer({ min: 1, max: 40 }),
      }),
    },
    { weight: 2, arbitrary: only('look') },
    { weight: 1, arbitrary: only('thaw') },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('wake late' as const), ms: fc.nat(6) }),
    },
  ];
  const all = fc.oneof(...always, ...(withCrashes ? crashes : []));
  return fc.array(all, { minLength: 3, maxLength: 22 });
}

/** Lets a history happen, then lets all come to its end, and checks what was promised. */
export class History {
  readonly #world: DurableWorld;
  readonly #store: Store;
  readonly #clock: StoreClock;
  readonly #threads: readonly string[];
  readonly #accepted = new Set<string>();
  #said = 0;

  constructor(world: DurableWorld, threads: readonly string[], clock: StoreClock) {
    this.#world = world;
    this.#store = world.store;
    this.#threads = threads;
    this.#clock = clock;
  }

  async play(all: readonly Action[]): Promise<void> {
    const world = this.#world;
    await world.start();
    await world.start();
    for (const action of all) {
      await this.#take(action);
      await world.time.settle();
    }
    await this.#comeToTheEnd();
    const [threads, accepted] = [this.#threads, this.#accepted];
    await checkPromises(world, { threads, accepted, clock: this.#clock });
  }

  async #take(action: Action): Promise<void> {
    const world = this.#world;
    switch (action.do) {
      case 'message':
        return this.#say(action.thread, action.declines);
      case 'wait':
        return world.time.advance(action.ms);
      case 'answer':
        return void (await this.#answerService());
      case 'expire': {
        const [question] = await this.#open();
        if (question) await this.#clock.expire(question.questionId);
        return world.look();
      }
      case 'withdraw': {
        const [question] = await this.#open();
        if (question) await this.#cancel(question.runId);
        return undefined;
      }
      case 'cancel': {
        const active = await Promise.all(this.#threads.map((id) => this.#store.activeRun(id)));
        const runId = active.find((id) => id !== undefined);
        if (runId !== undefined) await this.#cancel(runId);
        return undefined;
      }
      default:
        return this.#disturb(action);
    }
  }

  async #disturb(action: Disturbance): Promise<void> {
    const world = this.#world;
    const { living } = world;
    const victim = 'process' in action ? living[action.process % living.length] : living[0];
    switch (action.do) {
      case 'die':
        if (victim) await world.die(victim);
        break;
      case 'freeze':
        if (victim) await world.freeze(victim);
        break;
      case 'leave':
        if (victim) world.leave(victim, action.drains ? DRAIN_MS : 0);
        break;
      case 'crash':
        world.crashAfter(action.points);
        break;
      case 'look':
        await this.#look();
        break;
      case 'thaw':
        await world.processes.find(({ isFrozen, isDead }) => isFrozen && !isDead)?.thaw();
        await this.#look();
        break;
      case 'wake late':
        if (victim) await this.#wakeLate(victim, action.ms);
        break;
      case 'lose answer':
        world.answersToLose = 1;
        break;
      default:
        break;
    }
  }

  /** A process is taken for dead, its runs go on in another one, that one dies, and it takes them back. */
  async #wakeLate(process: DurableWorld['processes'][number], ms: number): Promise<void> {
    const world = this.#world;
    await world.freeze(process);
    const other = await world.pick(1);
    await this.#look();
    await world.time.advance(ms);
    await world.die(other);
    await process.thaw();
    await this.#look();
  }

  async #look(): Promise<void> {
    await this.#clock.endPauses();
    if (this.#world.living.length === 0) await this.#world.start();
    await this.#world.look();
  }

  async #say(thread: number, declines: boolean): Promise<void> {
    const text = `m${++this.#said}`;
    const { app } = await this.#world.pick(this.#said);
    const threadId = this.#threads[thread] ?? '';
    const started = app.runs.start({
      thread: { kind: 'thread', threadId },
      incoming: message(text),
      ...(declines && { answer: { kind: 'decline' } }),
    });
    this.#note(started);
  }

  async #answerService(): Promise<boolean> {
    const question = (await this.#open()).find(({ audience }) => audience === 'service');
    if (!question) return false;
    const { app } = await this.#world.pick(this.#said);
    const { questionId } = question;
    this.#note(app.questions.answer({ questionId, value: `s${++this.#said}` }));
    return true;
  }

  async #cancel(runId: string): Promise<void> {
    const { app } = await this.#world.pick(this.#said);
    void app.runs.cancel(runId).catch(() => {});
  }

  /** A process may die before it says whether a message was accepted. */
  #note(started: Promise<{ readonly id: string }>): void {
    started.then(
      ({ id }) => this.#accepted.add(id),
      () => {},
    );
  }

  async #open(): ReturnType<DurableWorld['openQuestions']> {
    return this.#world.openQuestions(this.#threads);
  }

  async #comeToTheEnd(): Promise<void> {
    const world = this.#world;
    world.crashAfter(Infinity);
    world.answersToLose = 0;
    await world.time.advance(100);
    await world.settleAll();
    for (let round = 0; round < MOST_ROUNDS; round++) {
      await this.#look();
      await world.time.advance(700);
      if (await this.#isActive()) continue;
      if (await this.#answerService()) continue;
      const [question] = await this.#open();
      if (!question) return;
      await this.#say(this.#threads.indexOf(question.threadId), false);
    }
    world.violate('something stands still');
  }

  async #isActive(): Promise<boolean> {
    const active = await Promise.all(this.#threads.map((id) => this.#store.activeRun(id)));
    return active.some((id) => id !== undefined);
  }
}
