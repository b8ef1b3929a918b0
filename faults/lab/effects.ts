import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A pipeline, or the work of one of its steps, calls from a process. */
export interface Visit {
  /** Whose pipeline it is: the id of the message that began it. */
  readonly about: string;
  /** Where it is. */
  readonly at: string;
  readonly pid: number;
  /** Of the work of a step alone: without a key each call is an effect. */
  readonly key: string | undefined;
  /** Which call of this work it is, from 1 on. */
  readonly nth: number;
}

/** A service that is called by pipelines, and counts what it does for them. It honours idempotency keys. */
export interface EffectsService extends AsyncDisposable {
  readonly url: string;
  /** All calls, in their order. */
  readonly visits: readonly Visit[];
  /** How often it did something: at most once for each key. */
  effectsOf(about: string, at: string): number;
  /** The keys that came with some work. */
  keysOf(about: string, at: string): ReadonlySet<string>;
}

/** What is done to the caller meanwhile. */
export interface VisitHooks {
  before?(visit: Visit): Promise<void> | void;
  /** It is done, and the caller does not know. */
  done?(visit: Visit): Promise<void> | void;
  /** The answer is on its way. */
  answered?(visit: Visit): void;
}

export async function startEffects(hooks: VisitHooks = {}): Promise<EffectsService> {
  const visits: Visit[] = [];
  const counts = new Map<string, number>();
  const effects = new Map<string, number>();
  const keys = new Map<string, Set<string>>();

  function countVisit({ url = '', headers }: IncomingMessage): Visit {
    const [, about = '', at = ''] = url.split('/').map(decodeURIComponent);
    const key = headers['idempotency-key'];
    const nth = (counts.get(nameOf(about, at)) ?? 0) + 1;
    counts.set(nameOf(about, at), nth);
    const pid = Number(headers['x-pid']);
    const visit = { about, at, pid, key: typeof key === 'string' ? key : undefined, nth };
    visits.push(visit);
    return visit;
  }

  function doWork({ about, at, key }: Visit): void {
    const name = nameOf(about, at);
    const known = keys.get(name) ?? new Set();
    keys.set(name, known);
    if (key !== undefined && known.has(key)) return;
    if (key !== undefined) known.add(key);
    effects.set(name, (effects.get(name) ?? 0) + 1);
  }

  const server = createServer((request, response) => {
    const visit = countVisit(request);
    void (async () => {
      await hooks.before?.(visit);
      doWork(visit);
      await hooks.done?.(visit);
      response.once('finish', () => hooks.answered?.(visit));
      response.end(`${visit.at}!`);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    visits,
    effectsOf: (about, at) => effects.get(nameOf(about, at)) ?? 0,
    keysOf: (about, at) => keys.get(nameOf(about, at)) ?? new Set(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function nameOf(about: string, at: string): string {
  return `${about} ${at}`;
}
