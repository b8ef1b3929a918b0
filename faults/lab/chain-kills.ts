// Where a process is killed under a chain, and by whom.
import { setTimeout as sleep } from 'node:timers/promises';

import { CHAIN_PARTS } from './chain-parts.ts';
import type { Cluster } from './cluster.ts';
import type { Visit, VisitHooks } from './effects.ts';
import { LEASE_S } from './lab.ts';
import type { Lab } from './lab.ts';
import type { Server } from './server.ts';

/** Which process is killed, and when. */
export interface Kill {
  /** Where a pipeline is, or what a client has just sent. */
  readonly at: string;
  readonly when:
    | 'before' // The service that counts has done nothing yet.
    | 'done' // It has, and the process does not know.
    | 'answered' // The process knows; a moment later it would have stored it, or has.
    | 'sent' // A client has just sent something.
    | 'frozen'; // Not killed: it stands still until its lease is over, and then goes on.
}

const SENT = ['message', 'answer', 'approval'] as const;
const POINTS = ['began', ...asks('next'), ...asks('done'), 'ends'];
const STEPS = CHAIN_PARTS.filter((each) => !each.startsWith('ask'));

/** All places between two commits of a chain. */
export const KILLS: readonly Kill[] = [
  ...SENT.map((at) => ({ at, when: 'sent' as const })),
  ...POINTS.flatMap((at) => [
    { at, when: 'before' as const },
    { at, when: 'answered' as const },
  ]),
  ...STEPS.flatMap((at) => [
    { at, when: 'before' as const },
    { at, when: 'done' as const },
    { at, when: 'answered' as const },
  ]),
  ...['two', 'four'].map((at) => ({ at, when: 'frozen' as const })),
];

/** What a moment is: a commit is somewhere in it. */
const MOMENT_MS = { answered: 12, sent: 60 };

/** Of the long form: a run whose processes all die at once is lost after five of them, as it should be. */
const LEAST_LIFE_MS = 2000;

/** Kills processes as planned: each plan once. */
export interface Killer {
  readonly hooks: VisitHooks;
  plan(about: string, kill: Kill): void;
  /** A client has just sent something to a process. */
  sent(about: string, at: (typeof SENT)[number], server: Server): void;
  /** Those that were killed, or stood still. */
  readonly victims: ReadonlySet<number>;
  /** How often it did. */
  readonly kills: number;
  /** Resolves when all are there again. */
  settle(): Promise<void>;
}

export function createKiller(lab: Lab, cluster: () => Cluster | undefined): Killer {
  const random = lab.random.fork();
  const plans = new Map<string, Kill>();
  const victims = new Set<number>();
  const restarts = new Set<Promise<void>>();
  let kills = 0;
  let lastHarmAt = -Infinity;

  /** Whether it is to happen here; then never again. */
  function isDue(about: string, at: string, when: Kill['when']): boolean {
    const plan = plans.get(about);
    if (plan?.at !== at || plan.when !== when) return false;
    plans.delete(about);
    return true;
  }

  async function harm(pid: number, isFatal: boolean): Promise<void> {
    const processes = cluster();
    const slot = processes && slotOf(processes, pid);
    // It has died of another plan.
    if (!processes || slot === undefined) return;
    if (lab.isLong && performance.now() - lastHarmAt < LEAST_LIFE_MS) return;
    kills++;
    victims.add(pid);
    const again = isFatal ? killAndStart(processes, slot) : freezeAndThaw(processes, slot);
    restarts.add(again);
    await again.finally(() => restarts.delete(again));
    lastHarmAt = performance.now();
  }

  function later(pid: number, ms: number): void {
    void sleep(random.next() * ms).then(() => harm(pid, true));
  }

  const hooks: VisitHooks = {
    async before({ about, at, pid }: Visit) {
      if (isDue(about, at, 'before')) await harm(pid, true);
      if (isDue(about, at, 'frozen')) await harm(pid, false);
    },
    async done({ about, at, pid }: Visit) {
      if (isDue(about, at, 'done')) await harm(pid, true);
    },
    answered({ about, at, pid }: Visit) {
      if (isDue(about, at, 'answered')) later(pid, MOMENT_MS.answered);
    },
  };
  return {
    hooks,
    victims,
    plan: (about, kill) => void plans.set(about, kill),
    sent(about, at, { pid }) {
      if (isDue(about, at, 'sent')) later(pid, MOMENT_MS.sent);
    },
    get kills() {
      return kills;
    },
    async settle() {
      await Promise.all(restarts);
    },
  };
}

/** Kills a process, and starts another one in its slot; nothing when it is gone already. */
export async function killByPid(processes: Cluster, pid: number): Promise<void> {
  const slot = slotOf(processes, pid);
  if (slot !== undefined) await killAndStart(processes, slot);
}

function slotOf(processes: Cluster, pid: number): number | undefined {
  const slots = Array.from({ length: processes.size }, (_, each) => each);
  return slots.find((each) => processes.at(each)?.pid === pid);
}

async function killAndStart(processes: Cluster, slot: number): Promise<void> {
  await processes.kill(slot);
  await processes.start(slot);
}

async function freezeAndThaw(processes: Cluster, slot: number): Promise<void> {
  const server = processes.at(slot);
  processes.freeze(slot);
  await sleep(LEASE_S * 1000 + 3000);
  if (processes.at(slot) === server) processes.thaw(slot);
}

function asks(which: 'next' | 'done'): readonly string[] {
  return CHAIN_PARTS.filter((each) => each.startsWith('ask')).map((each) => `${each}-${which}`);
}
