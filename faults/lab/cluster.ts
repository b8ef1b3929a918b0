import { setTimeout as sleep } from 'node:timers/promises';

import type { Checks } from '../check/checks.ts';
import type { History } from './history.ts';
import type { Random } from './random.ts';
import { logTail, startServer } from './server.ts';
import type { Server, ServerOptions } from './server.ts';

export interface ClusterOptions extends Omit<ServerOptions, 'name'> {
  readonly size: number;
  readonly checks: Checks;
  readonly history: History;
  /** What the process in a slot gets instead; for what is different about one of them. */
  readonly slot?: (slot: number) => Partial<ServerOptions>;
}

/** Processes on one database. Each has a slot, in which it may die and be started again. */
export interface Cluster extends AsyncDisposable {
  readonly size: number;
  at(slot: number): Server | undefined;
  /** One that is there, also when it stands still: a client cannot know. */
  pick(random: Random): Server | undefined;
  /** `kill -9`; resolves when it is gone. */
  kill(slot: number): Promise<void>;
  /** SIGTERM; resolves with how long it took to end. */
  stop(slot: number): Promise<number>;
  start(slot: number): Promise<void>;
  freeze(slot: number): void;
  thaw(slot: number): void;
  /** Lets all go on that stand still, and starts what is missing. */
  heal(): Promise<void>;
  /** SIGTERM to all, when no run is left; checks that each ends at once and without an error. */
  stopAll(): Promise<void>;
}

const STOP_MS = 60_000;
/** The drain time is 30 s: a process that takes that long waits for a run that does not exist. */
const IDLE_STOP_MS = 20_000;

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { size, checks, history } = options;
  const servers: (Server | undefined)[] = [];
  let starts = 0;

  async function start(slot: number): Promise<void> {
    const name = `process-${slot}-${++starts}`;
    const server = await startServer({ ...options, ...options.slot?.(slot), name });
    servers[slot] = server;
    history.write({ what: 'started', process: name, pid: server.pid });
    void server.ended.then(({ code, signal, wasAsked }) => {
      history.write({ what: 'ended', process: name, code, signal, wasAsked });
      if (servers[slot] === server) servers[slot] = undefined;
      checks.that('I12', wasAsked, () => {
        return `${name} ended by itself (${code ?? signal}):\n${logTail(server)}`;
      });
    });
  }

  async function kill(slot: number): Promise<void> {
    const server = servers[slot];
    if (!server) return;
    servers[slot] = undefined;
    history.write({ what: 'kill -9', process: server.name });
    server.kill('SIGKILL');
    await server.ended;
  }

  async function stop(slot: number, isIdle = false): Promise<number> {
    const server = servers[slot];
    if (!server) return 0;
    const from = performance.now();
    history.write({ what: 'SIGTERM', process: server.name });
    server.kill('SIGTERM');
    const end = await Promise.race([
      server.ended,
      sleep(STOP_MS, undefined, { ref: false }).then(() => undefined),
    ]);
    const ms = performance.now() - from;
    checks.that('I12', ms < IDLE_STOP_MS || !isIdle, () => {
      return `${server.name} had nothing to do, and took ${Math.round(ms)} ms to stop`;
    });
    checks.that('I12', end?.code === 0, () => {
      return `${server.name} did not stop cleanly (${end?.code ?? end?.signal ?? 'still there'}):\n${logTail(server)}`;
    });
    server.kill('SIGKILL');
    return ms;
  }

  function send(slot: number, name: 'SIGSTOP' | 'SIGCONT'): void {
    const server = servers[slot];
    if (!server) return;
    history.write({ what: name, process: server.name });
    server.kill(name);
  }

  const slots = Array.from({ length: size }, (_, slot) => slot);
  await Promise.all(slots.map(start));
  return {
    size,
    at: (slot) => servers[slot],
    pick(random) {
      const there = servers.filter((server) => server !== undefined);
      return there.length > 0 ? random.pick(there) : undefined;
    },
    kill,
    stop: (slot) => stop(slot),
    start,
    freeze: (slot) => send(slot, 'SIGSTOP'),
    thaw: (slot) => send(slot, 'SIGCONT'),
    async heal() {
      for (const slot of slots) if (servers[slot]?.isFrozen) send(slot, 'SIGCONT');
      await Promise.all(slots.filter((slot) => !servers[slot]).map(start));
    },
    async stopAll() {
      await Promise.all(slots.map((slot) => stop(slot, true)));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(slots.map(kill));
    },
  };
}
