// Random programs, executed as pipelines of a durable app. What a program does next depends on all that
// it has seen so far, so that a value that changes from one execution to the next shows.
import fc from 'fast-check';

import { isStepFailed } from '../../src/pipeline/step.ts';
import type { ThreadContext } from '../../src/pipeline/thread-context.ts';

export type Op =
  | { readonly do: 'send' | 'view' | 'state' | 'clock' }
  | { readonly do: 'stream'; readonly ms: number; readonly mayFail: boolean }
  | {
      readonly do: 'step';
      readonly name: string;
      readonly ms: number;
      readonly mayFail: boolean;
    }
  | { readonly do: 'ask'; readonly early: boolean; readonly tell: boolean }
  | { readonly do: 'ask service' }
  | { readonly do: 'pause'; readonly ms: number }
  | { readonly do: 'all' | 'race'; readonly branches: readonly Program[] }
  | { readonly do: 'if'; readonly even: Program; readonly odd: Program };
export type Program = readonly Op[];

/** What a program meets outside of its context. */
export interface Surroundings {
  /** Work that takes a while and may fail; the same number whenever it is done under one key. */
  work(work: PlacedWork): Promise<number>;
  /** Text that takes a while, and is new each time. */
  text(work: Omit<PlacedWork, 'key' | 'argument'>): Promise<string>;
  pause(ms: number): Promise<void>;
  /** What the program has come to at a spot. */
  saw(spot: string, value: number): void;
  sent(text: string): void;
}

export interface PlacedWork {
  readonly key: string;
  readonly spot: string;
  /** What the program had seen when it called the work. */
  readonly argument: number;
  readonly ms: number;
  readonly mayFail: boolean;
  readonly signal: AbortSignal;
}

const START = 7;
const STATE = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value: unknown) => ({ value: JSON.stringify(value) }),
  },
} as const;

/** Executes a program as the pipeline of a run. */
export async function execute(
  program: Program,
  ctx: ThreadContext,
  around: Surroundings,
): Promise<void> {
  await new Interpreter(ctx, around).all(program, '', START);
}

class Interpreter {
  readonly #ctx: ThreadContext;
  readonly #around: Surroundings;

  constructor(ctx: ThreadContext, around: Surroundings) {
    this.#ctx = ctx;
    this.#around = around;
  }

  async all(program: Program, path: string, start: number): Promise<number> {
    let value = start;
    for (const [index, op] of program.entries()) {
      const spot = `${path}.${index}`;
      // oxlint-disable-next-line no-await-in-loop -- a program does one thing after the other
      value = await this.#one(op, spot, value);
      this.#around.saw(spot, value);
    }
    return value;
  }

  async #one(op: Op, spot: string, value: number): Promise<number> {
    const ctx = this.#ctx;
    switch (op.do) {
      case 'send':
        ctx.sendMessage(`${spot}:${value}`);
        this.#around.sent(`${spot}:${value}`);
        return value;
      case 'view':
        return mix(
          value,
          ctx.events.map(({ type, data }) => `${type} ${String(data['content'])}`).join(),
        );
      case 'clock':
        // It goes no other way by it: then the same seed would not be the same history.
        this.#around.saw(`${spot} clock`, ctx.now() + ctx.random());
        return value;
      case 'state':
        return this.#state(spot, value);
      case 'stream':
        return this.#stream(op, spot, value);
      case 'step':
        return this.#step(op, spot, value);
      case 'ask':
      case 'ask service':
        return mix(value, await this.#ask(op, `${spot}?${value}`));
      case 'pause':
        await this.#around.pause(op.ms);
        return value;
      case 'all':
      case 'race':
        return this.#together(op, spot, value);
      case 'if':
        return value % 2 === 0
          ? this.all(op.even, `${spot}+`, value)
          : this.all(op.odd, `${spot}-`, value);
    }
  }

  #state(spot: string, value: number): number {
    const seen = mix(value, this.#ctx.getState('at', STATE));
    const text = `${spot}:${seen}`;
    this.#ctx.setState('at', { content: text });
    this.#around.sent(text);
    return seen;
  }

  async #stream(op: Op & { do: 'stream' }, spot: string, value: number): Promise<number> {
    const { signal } = this.#ctx;
    const work = { ...op, spot, signal };
    const around = this.#around;
    async function* chunks(): AsyncGenerator<string> {
      yield await around.text(work);
    }
    return caught(value, async () => {
      const text = await this.#ctx.sendMessage(chunks());
      around.sent(text);
      return text;
    });
  }

  #step(op: Op & { do: 'step' }, spot: string, argument: number): Promise<number> {
    return caught(argument, () =>
      this.#ctx.step(op.name, ({ idempotencyKey: key, signal }) =>
        this.#around.work({ ...op, key, spot, argument, signal }),
      ),
    );
  }

  async #ask(op: Op & { do: 'ask' | 'ask service' }, text: string): Promise<string> {
    if (op.do === 'ask service') {
      const answer = await this.#ctx.ask({ to: 'service', name: 'approve', data: { text } });
      return answer.kind === 'value' ? String(answer.value) : answer.kind;
    }
    const { early, tell } = op;
    const reply = this.#ctx.ask(text, { early, ...(tell && { onWithdrawn: 'tell' }) });
    this.#around.sent(text);
    const answer = await reply;
    return answer.kind === 'message' ? answer.text : answer.kind;
  }

  async #together(op: Op & { do: 'all' | 'race' }, spot: string, value: number): Promise<number> {
    const branches = op.branches.map((branch, index) =>
      this.all(branch, `${spot}/${index}`, mix(value, index)),
    );
    if (op.do === 'race') return mix(value, await Promise.race(branches));
    return mix(value, (await Promise.all(branches)).join());
  }
}

/** A failure is seen like a result. */
async function caught(value: number, work: () => Promise<unknown>): Promise<number> {
  try {
    return mix(value, await work());
  } catch (error) {
    if (!isStepFailed(error)) throw error;
    return mix(value, `${error.errorName}/${error.message}`);
  }
}

function mix(value: number, seen: unknown): number {
  let sum = value;
  for (const char of String(seen)) sum = (Math.imul(sum, 31) + (char.codePointAt(0) ?? 0)) >>> 0;
  return sum;
}

const ms = fc.integer({ min: 0, max: 6 });
const mayFail = fc.boolean();

/** Programs that wait for nothing but their context, side by side too; or for other things, in one line. */
export function programs(kind: 'parallel' | 'pausing'): fc.Arbitrary<Program> {
  const { program } = fc.letrec<{ program: Op[]; branch: Op[]; op: Op }>((tie) => {
    const branches = { minLength: 2, maxLength: 3 };
    return {
      program: fc.array(tie('op'), { minLength: 1, maxLength: 6 }),
      branch: fc.array(tie('op'), { minLength: 1, maxLength: 3 }),
      op: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.record({ do: fc.constantFrom('send' as const, 'view', 'state', 'clock') }),
        fc.record({ do: fc.constantFrom('send' as const, 'view', 'state') }),
        step(),
        step(),
        fc.record({ do: fc.constant('stream' as const), ms, mayFail }),
        ask(),
        fc.record({ do: fc.constant('ask service' as const) }),
        kind === 'pausing'
          ? fc.record({ do: fc.constant('pause' as const), ms })
          : fc.record({
              do: fc.constantFrom('all' as const, 'race' as const),
              branches: fc.array(tie('branch'), branches),
            }),
        fc.record({ do: fc.constant('if' as const), even: tie('branch'), odd: tie('branch') }),
      ),
    };
  });
  return program;
}

function step(): fc.Arbitrary<Op> {
  const name = fc.constantFrom('a', 'b');
  return fc.record({ do: fc.constant('step' as const), name, ms, mayFail });
}

function ask(): fc.Arbitrary<Op> {
  const seldom = fc.constantFrom(false, false, true);
  return fc.record({ do: fc.constant('ask' as const), early: seldom, tell: seldom });
}
