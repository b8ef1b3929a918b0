// Many durable runs at once, each of which is held in its second step until all of them are.
import { setTimeout as sleep } from 'node:timers/promises';

import { ask, chatBody, only } from './ask.ts';
import type { Cluster } from './cluster.ts';
import type { EffectsService, VisitHooks } from './effects.ts';
import type { Lab } from './lab.ts';
import type { Server } from './server.ts';

/** Holds steps called `held` until it is opened. */
export class Gate {
  readonly #opened = Promise.withResolvers<void>();
  readonly hooks: VisitHooks = {
    before: ({ at }) => (at === 'held' ? this.#opened.promise : undefined),
  };

  open(): void {
    this.#opened.resolve();
  }
}

const AT_ONCE = 20;

/** Begins runs in the background; resolves when all are accepted. */
export async function beginRuns(
  cluster: Pick<Cluster, 'pick'>,
  { random, checks }: Lab,
  ids: readonly string[],
): Promise<void> {
  const left = [...ids];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let id = left.pop(); id !== undefined; id = left.pop()) {
        await beginRun(only(cluster.pick(random)), { checks }, id, 'held 0');
      }
    }),
  );
}

/** Begins a run in the background, in a thread of its own. */
export async function beginRun(
  server: Server,
  { checks }: Pick<Lab, 'checks'>,
  id: string,
  command: string,
): Promise<void> {
  const thread = await ask(server, '/api/v1/threads', { contact_id: id });
  const path = `/api/v1/threads/${String(thread.body['thread_id'])}/runs`;
  const run = await ask(server, path, chatBody(id, id, command), {
    headers: { 'idempotency-key': id },
  });
  checks.that('answer', run.status === 202, () => `${id} got ${run.status}: ${run.text}`);
}

/** Resolves when all of them are held. */
export async function untilHeld(
  effects: Pick<EffectsService, 'visits'>,
  ids: readonly string[],
): Promise<void> {
  const isHeld = (): boolean =>
    new Set(effects.visits.filter(({ at }) => at === 'held').map(({ about }) => about)).size >=
    ids.length;
  while (!isHeld()) await sleep(20);
}

/** Each of them has done its steps once. */
export function checkHeldRuns(
  { checks }: Lab,
  ids: readonly string[],
  effects: EffectsService,
): void {
  for (const id of ids) {
    for (const step of ['first', 'held']) {
      const count = effects.effectsOf(id, step);
      checks.that('effect', count === 1, () => `step ${step} of ${id} was done ${count} times`);
    }
    const firsts = effects.visits.filter(({ about, at }) => about === id && at === 'first').length;
    checks.that('effect', firsts === 1, () => `the kept step of ${id} was called ${firsts} times`);
  }
}
