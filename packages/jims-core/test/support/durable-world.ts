// Processes of one durable app on one store, in a time of their own: it goes on when the test says so.
import type { MockTimers } from 'node:test';

import type { ThreadContext } from '../../src/pipeline/thread-context.ts';
import { isRunEnd } from '../../src/run/run-events.ts';
import type { RunEnd } from '../../src/run/run-events.ts';
import type { JournalEntry, QuestionRecord, Store } from '../../src/store/store.ts';
import { DurableProcess } from './durable-process.ts';
import type { ProcessWorld } from './durable-process.ts';
import { execute } from './durable-program.ts';
import type { PlacedWork, Program, Surroundings } from './durable-program.ts';
import { ModelTime } from './model-time.ts';

/** One execution of a pipeline. */
export interface Execution {
  readonly process: DurableProcess;
  readonly runId: string;
  readonly chainId: string;
  readonly signal: AbortSignal;
  /** What it sent, in its order. */
  readonly sent: string[];
  /** The end that its listeners got. */
  end: RunEnd | undefined;
}

export interface WorldOptions {
  readonly store: Store;
  readonly timers: MockTimers;
  readonly program: Program;
  readonly seed: number;
}

interface Effect {
  readonly spot: string;
  readonly argument: number;
  readonly value: number;
  calls: number;
}

/** How long news of another connection may take. */
const NEWS_MS = 2;
/** More than the pause between two looks of a process for what others left. */
const LOOK_MS = 2500;
const LOSES: ReadonlySet<string> = new Set(['finishRun', 'storeEntries', 'releaseRun']);

export class DurableWorld implements ProcessWorld {
  readonly store: Store;
  readonly time: ModelTime;
  readonly processes: DurableProcess[] = [];
  readonly violations = new Set<string>();
  readonly executions: Execution[] = [];
  /** Runs, in the order in which their pipelines first began. */
  readonly begun = new Set<string>();
  /** The ids of the events that listeners of a chain got while they were sent. */
  readonly heard = new Map<string, Set<string>>();
  readonly effects = new Map<string, Effect>();
  /** Answers of the store that are still to be lost. */
  answersToLose = 0;
  /** Whether a process died, was taken for dead, or left. */
  hasLostProcess = false;
  #crashAfter = Infinity;
  readonly #timers: MockTimers;
  readonly #program: Program;
  readonly #seen = new Map<string, number>();
  readonly #stored = new Set<string>();
  readonly #leaving: Promise<void>[] = [];
  #random: number;

  constructor({ store, timers, program, seed }: WorldOptions) {
    this.store = store;
    this.time = new ModelTime(store.shared ? NEWS_MS : 0);
    this.#timers = timers;
    this.#program = program;
    this.#random = seed;
  }

  get living(): readonly DurableProcess[] {
    return this.processes.filter(({ isLiving }) => isLiving);
  }

  async start(): Promise<DurableProcess> {
    const process = await DurableProcess.start(this, (of) => (ctx) => this.#execute(of, ctx));
    this.processes.push(process);
    return process;
  }

  /** A living process, a new one where there is none. */
  async pick(nth: number): Promise<DurableProcess> {
    const { living } = this;
    return living[nth % living.length] ?? this.start();
  }

  violate(what: string): void {
    this.violations.add(what);
  }

  /** Lets a process die at the n-th moment from now at which it may. */
  crashAfter(points: number): void {
    this.#crashAfter = points;
  }

  async die(process: DurableProcess): Promise<void> {
    this.hasLostProcess = true;
    await process.die();
  }

  async freeze(process: DurableProcess): Promise<void> {
    this.hasLostProcess = true;
    await process.freeze();
  }

  leave(process: DurableProcess, drainMs: number): void {
    this.hasLostProcess = true;
    this.#leaving.push(process.leave(drainMs));
  }

  /** All living processes look for what others have left, and for what was done to their runs. */
  async look(): Promise<void> {
    this.#timers.tick(LOOK_MS);
    await this.time.settle();
  }

  async openQuestions(threads: readonly string[]): Promise<readonly QuestionRecord[]> {
    const open = threads.map((threadId) =>
      this.store.listQuestions({ threadId, state: 'open', limit: 50 }),
    );
    return (await Promise.all(open)).flatMap(({ questions }) => questions);
  }

  /** Waits for the processes that got a SIGTERM, and ends the leases of the dead once more. */
  async settleAll(): Promise<void> {
    await Promise.all(this.#leaving);
    for (const { isDead, isFrozen, instanceId } of this.processes) {
      if (isDead || isFrozen) await this.store.endLease(instanceId);
    }
  }

  async dispose(): Promise<void> {
    this.time.end();
    await Promise.all(this.processes.map((process) => process.dispose()));
  }

  async passPoint(process: DurableProcess): Promise<void> {
    if (process.isDead) return;
    if (--this.#crashAfter !== 0) return;
    await this.die(process);
  }

  busy<T>(work: () => Promise<T>): Promise<T> {
    return this.time.busy(work);
  }

  losesAnswer(method: string): boolean {
    if (this.answersToLose === 0 || !LOSES.has(method)) return false;
    this.answersToLose--;
    return true;
  }

  stored(entries: readonly JournalEntry[]): void {
    for (const { kind, runId, name, nth } of entries) {
      const chainId = this.executions.find((each) => each.runId === runId)?.chainId;
      if (kind === 'step') this.#stored.add(`${chainId}/${name}/${nth}`);
    }
  }

  async #execute(process: DurableProcess, ctx: ThreadContext): Promise<void> {
    const { runId, chainId, signal } = ctx;
    const execution: Execution = { process, runId, chainId, signal, sent: [], end: undefined };
    if (process.isDead) return process.hold();
    this.executions.push(execution);
    this.begun.add(runId);
    void this.#listen(execution);
    await execute(this.#program, ctx, this.#around(execution));
  }

  #around(execution: Execution): Surroundings {
    const { process } = execution;
    const isOver = (): boolean => process.isDead || execution.signal.aborted;
    return {
      work: (work) => this.#work(execution, work),
      text: async ({ spot, ms, mayFail, signal }) => {
        await this.time.sleep(process, ms, signal);
        await this.#pass(process);
        if (mayFail && this.#draw() < 0.4) throw new TypeError(`text ${this.#number(3)}`);
        return `${spot}=${this.#number(1_000_000)}`;
      },
      pause: (ms) => this.time.sleep(process, ms),
      saw: (spot, value) => {
        if (!isOver()) this.#saw(`${execution.chainId} ${spot}`, value);
      },
      sent: (text) => {
        if (!isOver()) execution.sent.push(text);
      },
    };
  }

  #saw(spot: string, value: number): void {
    const before = this.#seen.get(spot);
    if (before !== undefined && before !== value) {
      this.violate('an execution saw something else than the one before');
    }
    this.#seen.set(spot, value);
  }

  async #work(execution: Execution, work: PlacedWork): Promise<number> {
    const { process } = execution;
    const { key, ms, mayFail, signal } = work;
    if (this.#stored.has(key) && this.#isNewest(execution)) {
      this.violate('work was called whose result is stored');
    }
    await this.time.sleep(process, ms, signal);
    await this.#pass(process);
    const known = this.effects.get(key);
    if (!known && mayFail && this.#draw() < 0.5) throw new RangeError(`work ${this.#number(3)}`);
    const effect = known ?? this.#effect(execution, work);
    effect.calls++;
    if (effect.spot !== work.spot || effect.argument !== work.argument) {
      this.violate('a key was used for another work');
    }
    await this.#pass(process);
    await this.time.sleep(process, ms, signal);
    return effect.value;
  }

  #effect({ chainId }: Execution, { key, spot, argument }: PlacedWork): Effect {
    for (const [other, effect] of this.effects) {
      if (effect.spot === spot && other.startsWith(`${chainId}/`)) {
        this.violate('one work was done under two keys');
      }
    }
    const effect = { spot, argument, value: this.#number(1_000_000), calls: 0 };
    this.effects.set(key, effect);
    return effect;
  }

  /** Another one may have stored what a process does that was taken for dead. */
  #isNewest(execution: Execution): boolean {
    const newest = this.executions.findLast(({ runId }) => runId === execution.runId);
    const { isDead, isFrozen } = execution.process;
    return newest === execution && !isDead && !isFrozen;
  }

  async #listen(execution: Execution): Promise<void> {
    const { process, runId, chainId } = execution;
    const heard = this.heard.get(chainId) ?? new Set();
    this.heard.set(chainId, heard);
    try {
      const run = await process.app.runs.find(runId);
      for await (const event of run?.listen() ?? []) {
        if (event.type === 'event' && !process.isDead) heard.add(event.event.id);
        if (isRunEnd(event)) execution.end = event;
      }
    } catch {
      // It died.
    }
  }

  async #pass(process: DurableProcess): Promise<void> {
    await this.passPoint(process);
    if (process.isDead) await process.hold();
  }

  #draw(): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#random / 2 ** 32;
  }

  #number(below: number): number {
    return Math.floor(this.#draw() * below);
  }
}
