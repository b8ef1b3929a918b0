import { EventEmitter, on } from 'node:events';

import { defineApp } from '../../src/app/app.ts';
import type { JimsApp } from '../../src/app/app.ts';
import { JimsError } from '../../src/errors/jims-error.ts';
import type { ThreadContext } from '../../src/pipeline/thread-context.ts';
import type { RunLimits } from '../../src/run/run-limits.ts';
import type { Store } from '../../src/store/store.ts';

const LEASE_MS = 600_000;
const BELIEVED_LEASE_MS = 150;

/** A process that serves an app, as far as its store can tell. */
export interface TestProcess {
  readonly app: JimsApp;
  /** As `kill -9`: from now on nothing it does reaches the store; it is taken for dead at once. */
  die(): Promise<void>;
  /** As after a sleep of its machine: it is taken for dead, and then goes on as if nothing had been. */
  sleep(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a process on a store of its own, which it closes at its end. */
export async function startProcess(
  store: Store,
  puppets: Puppets,
  limits: Partial<RunLimits>,
): Promise<TestProcess> {
  let isDead = false;
  let awake = Promise.resolve();
  let renewing = Promise.resolve();
  let instanceId = '';
  const mortal = new Proxy(store, {
    get(target, name: keyof Store) {
      const value = target[name];
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        if (name === 'close') return store.close();
        if (isDead) return Promise.reject(new JimsError('store_unavailable', 'It is dead'));
        if (name === 'renewLease') return renew(String(args[0]));
        return Reflect.apply(value, target, args);
      };
    },
  });
  async function renew(id: string): Promise<void> {
    instanceId = id;
    for (let seen; seen !== awake;) await (seen = awake);
    if (isDead) throw new JimsError('store_unavailable', 'It is dead');
    // Longer than the process believes: a slow test is not a reason to lose runs.
    const renewal = store.renewLease(id, LEASE_MS);
    // On a busy machine several are under way: none of them may come after the lease was ended.
    renewing = Promise.allSettled([renewing, renewal]).then(() => {});
    await renewal;
  }

  const app = defineApp({ pipeline: (ctx) => puppets.pipeline(ctx), store: mortal });
  await app.open({ limits: { ...limits, leaseMs: BELIEVED_LEASE_MS } });
  return {
    app,
    async die() {
      isDead = true;
      await renewing;
      await store.endLease(instanceId);
      await store.reapRuns();
      // What is left of it in this test's own process.
      void app.close(0).catch(() => store.close());
    },
    async sleep() {
      const waking = Promise.withResolvers<void>();
      awake = waking.promise;
      await renewing;
      await store.endLease(instanceId);
      await store.reapRuns();
      await store.renewLease(instanceId, LEASE_MS);
      setTimeout(waking.resolve, BELIEVED_LEASE_MS * 1.5);
    },
    close: () => (isDead ? Promise.resolve() : app.close(0)),
  };
}

export type Step =
  | { readonly do: 'say' | 'stream'; readonly text: string }
  | { readonly do: 'return' | 'throw' };

/** Pipelines that do what the test says, by the question that they answer. */
export interface Puppets {
  pipeline(ctx: ThreadContext): Promise<void>;
  /** How often a pipeline was started for this question. */
  starts(question: string): number;
  /** Tells the newest pipeline of this question, which must have been started. */
  tell(question: string, step: Step): void;
}

/** `isDeaf` are those that do not listen to `ctx.signal`. */
export function createPuppets(isDeaf: (question: string) => boolean): Puppets {
  const strings = new Map<string, EventEmitter[]>();

  return {
    async pipeline(ctx) {
      const question = ctx.lastUserMessage ?? '';
      const string = new EventEmitter();
      const steps = on(string, 'step', isDeaf(question) ? {} : { signal: ctx.signal });
      strings.set(question, [...(strings.get(question) ?? []), string]);
      const pieces = new EventEmitter();
      let streaming: Promise<string> | undefined;
      for await (const [step] of steps as AsyncIterable<[Step]>) {
        switch (step.do) {
          case 'say':
            ctx.sendMessage(step.text);
            break;
          case 'stream':
            streaming ??= ctx.sendMessage(piecesOf(pieces));
            pieces.emit('piece', step.text);
            break;
          case 'return':
            pieces.emit('piece', undefined);
            await streaming;
            return;
          case 'throw':
            throw new Error('told to throw');
        }
      }
    },
    starts: (question) => strings.get(question)?.length ?? 0,
    tell: (question, step) => void strings.get(question)?.at(-1)?.emit('step', step),
  };
}

async function* piecesOf(pieces: EventEmitter): AsyncGenerator<string> {
  for await (const [piece] of on(pieces, 'piece') as AsyncIterable<[string | undefined]>) {
    if (piece === undefined) return;
    yield piece;
  }
}
