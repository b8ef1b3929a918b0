// The process that makes load. Its parent sends it what to do, one load at a time.
import { setTimeout as sleep } from 'node:timers/promises';

import { quantile } from '../numbers.ts';
import { openHttpConnection } from './http-connection.ts';
import type { HttpConnection } from './http-connection.ts';
import type { LoadResult, LoadSpec } from './load-spec.ts';
import { loadRequest } from './requests.ts';

/** What the generator says when a load is over. */
export type GeneratorAnswer =
  | { readonly kind: 'done'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly reason: string };

process.on('message', (spec: LoadSpec) => void answer(spec));

async function answer(spec: LoadSpec): Promise<void> {
  try {
    say({ kind: 'done', result: await load(spec) });
  } catch (error) {
    say({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
  }
}

function say(what: GeneratorAnswer): void {
  process.send?.(what);
}

async function load(spec: LoadSpec): Promise<LoadResult> {
  const connections = await Promise.all(
    Array.from({ length: spec.connections }, (_, index) =>
      openHttpConnection(spec.ports[index % spec.ports.length] ?? 0),
    ),
  );
  const before = process.cpuUsage();
  const started = performance.now();
  const latencies = await (spec.rate === undefined
    ? closedLoop(spec, connections)
    : openLoop(spec, spec.rate, connections));
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  for (const connection of connections) connection.close();
  return {
    responses: latencies.length,
    perSecond: latencies.length / seconds,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    cpuMs: (user + system) / 1000,
  };
}

/** Every connection asks again as soon as it is answered: finds out how much a server can do. */
async function closedLoop(
  spec: LoadSpec,
  connections: readonly HttpConnection[],
): Promise<readonly number[]> {
  const latencies: number[] = [];
  const until = performance.now() + spec.seconds * 1000;
  let n = 0;
  await Promise.all(
    connections.map(async (http, connection) => {
      for (let now = performance.now(); now < until; now = performance.now()) {
        const request = loadRequest(spec, { n: n++, connection });
        request.check(await http.post(request.path, request.body, request.headers));
        latencies.push(performance.now() - now);
      }
    }),
  );
  return latencies;
}

/**
 * Requests come at a steady rate, as people do not wait for each other. A request that finds all
 * connections taken waits, and its waiting counts.
 */
async function openLoop(
  spec: LoadSpec,
  rate: number,
  connections: readonly HttpConnection[],
): Promise<readonly number[]> {
  const latencies: number[] = [];
  const free = connections.map((http, connection) => ({ http, connection }));
  const waiting: { n: number; since: number }[] = [];
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];

  async function ask(n: number, since: number): Promise<void> {
    const { http, connection } = free.pop() ?? never();
    const request = loadRequest(spec, { n, connection });
    request.check(await http.post(request.path, request.body, request.headers));
    latencies.push(performance.now() - since);
    free.push({ http, connection });
    next();
  }
  function next(): void {
    const request = free.length > 0 ? waiting.shift() : undefined;
    if (!request) return;
    const asking = ask(request.n, request.since)
      .catch((error: unknown) => void failures.push(error))
      .finally(() => running.delete(asking));
    running.add(asking);
  }

  const started = performance.now();
  const total = Math.round(rate * spec.seconds);
  for (let n = 0; n < total && failures.length === 0; await sleep(1)) {
    const now = performance.now();
    for (const due = ((now - started) / 1000) * rate; n < total && n < due; n++) {
      waiting.push({ n, since: now });
      next();
    }
  }
  while (running.size > 0) await Promise.all(running);
  if (failures.length > 0) throw failures[0];
  return latencies;
}

function never(): never {
  throw new Error('no free connection');
}
