// A process that dies under something that it is asked for.
import { setTimeout as sleep } from 'node:timers/promises';

import type { Reply } from './ask.ts';
import type { Cluster } from './cluster.ts';
import type { Lab } from './lab.ts';
import { armMoments, momentsPassed } from './moments.ts';
import type { Server } from './server.ts';

/** When a process dies: after so many moments, or killed after so many milliseconds. */
export type Death = { readonly moments: number } | { readonly ms: number };

export const NEVER = { moments: 1_000_000 };

/** Asks a process for something. Rejects when there is no answer. */
export type Asking = (server: Server) => Promise<Reply>;

export interface Grounds {
  readonly lab: Lab;
  readonly cluster: Cluster;
  /** Where processes find after how many moments they are to end. */
  readonly folder: string;
}

const PATIENCE_MS = 60_000;
/** Of the long form: how often each act is killed from outside, and how late at most. */
const LONG_KILLS = 15;
const KILL_MS = 60;

/** Asks the process in a slot once, which may die. Resolves with the moments that it had meanwhile. */
export async function askDoomed(
  { cluster, folder }: Grounds,
  slot: number,
  asking: Asking,
  death: Death,
): Promise<{ readonly reply: Reply | undefined; readonly isDead: boolean; readonly used: number }> {
  const server = serverAt(cluster, slot);
  const { moments } = 'moments' in death ? death : NEVER;
  server.mayEnd(true);
  armMoments(folder, server.pid, moments);
  if ('ms' in death) void sleep(death.ms).then(() => server.kill('SIGKILL'));
  const reply = await asking(server).catch(() => undefined);
  const used = momentsPassed(folder, server.pid);
  const isDead = 'ms' in death || reply === undefined;
  if (isDead) {
    await server.ended;
  } else {
    armMoments(folder, server.pid, NEVER.moments);
    server.mayEnd(false);
  }
  return { reply, isDead, used };
}

/** Asks until it is done, or until what was asked for is gone. */
export async function askUntilDone(
  { lab, cluster }: Grounds,
  slot: number,
  asking: Asking,
): Promise<Reply | undefined> {
  const until = performance.now() + PATIENCE_MS;
  let last = 'no answer';
  while (performance.now() < until) {
    const reply = await asking(serverAt(cluster, slot)).catch(() => undefined);
    if (reply && (reply.status < 300 || reply.status === 404)) return reply;
    last = reply?.text ?? last;
    await sleep(100);
  }
  lab.checks.that('I7', false, () => `what a process died under is never done: ${last}`);
  return undefined;
}

/** One death in the short form, somewhere in the middle; in the long one a death after each moment, and some from outside. */
export function deathsOf({ isLong, random }: Lab, moments: number): readonly Death[] {
  if (!isLong)
    return [{ moments: random.between(Math.ceil(moments / 4), Math.ceil((moments * 3) / 4)) }];
  return [
    ...Array.from({ length: moments + 1 }, (_, index) => ({ moments: index + 1 })),
    ...Array.from({ length: LONG_KILLS }, () => ({ ms: random.next() * KILL_MS })),
  ];
}

export function serverAt(cluster: Cluster, slot: number): Server {
  const server = cluster.at(slot);
  if (server) return server;
  throw new Error(`No process is in slot ${slot}`);
}
