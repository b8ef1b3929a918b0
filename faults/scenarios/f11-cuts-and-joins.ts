import { randomUUID } from 'node:crypto';

import { ask, chatBody, only } from '../lab/ask.ts';
import type { Cluster } from '../lab/cluster.ts';
import { endure } from '../lab/endure.ts';
import { contactNames, freshDatabase, lasts, onEachStore, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario, StoreName } from '../lab/lab.ts';

const FEWEST_CUTS = 100;

/** F11: streams are cut after any frame, and joined again anywhere. */
export const cutsAndJoins: Scenario = {
  id: 'F11',
  about: 'streams are cut after any frame and joined again, also at another process',
  run: (lab) => onEachStore(lab, 2, cut),
};

async function cut(lab: Lab, store: StoreName, size: number): Promise<void> {
  const { checks, history } = lab;
  const db = await freshDatabase(lab, store);
  await using cluster = await startProcesses(lab, { db, size });
  const before = checks.count('stream');
  let joins = 0;
  const until = performance.now() + lasts(lab, 5000, 60_000);
  await endure(lab, {
    cluster,
    db,
    label: `${store} `,
    talk: {
      history: {
        ...history,
        write(entry) {
          if (entry['what'] === 'join') joins++;
          history.write(entry);
        },
      },
      contacts: contactNames(20),
      devices: 1,
      until,
      patienceMs: 15_000,
      cutChance: 0.3,
      by: [[1, 'stream']],
      commands: [[1, ['stream', 1, 60]]],
    },
    meanwhile: [joinWhatIsNone(lab, cluster)],
  });
  checks.that('stream', joins >= FEWEST_CUTS, () => `only ${joins} streams were joined again`);
  lab.figure(`${store} joins`, joins);
  lab.figure(`${store} frames`, checks.count('stream') - before);
}

/** Places that a stream does not have, and streams that there are not. */
async function joinWhatIsNone({ checks }: Lab, cluster: Cluster): Promise<void> {
  const server = only(cluster.at(0));
  const { headers } = await ask(server, '/api/v1/chat', chatBody('joins', 'm0', 'echo 0'));
  const ended = headers.get('x-jims-run-id') ?? '';
  for (const [path, id, status] of [
    [`/api/v1/runs/${randomUUID()}/stream`, '0', 404],
    [`/api/v1/runs/no-id/stream`, '0', 422],
    [`/api/v1/runs/${ended}/stream`, 'garbage', 400],
    [`/api/v1/runs/${ended}/stream`, '-1', 400],
    // An end is left out only for a client that has seen this very one.
    [`/api/v1/runs/${ended}/stream`, '100000', 200],
    [`/api/v1/runs/${ended}/stream`, '7.1', 200],
    [`/api/v1/runs/${ended}/stream`, '0', 200],
  ] as const) {
    const reply = await ask(server, path, undefined, { headers: { 'last-event-id': id } });
    checks.that('stream', reply.status === status, () => {
      return `${path} after '${id}' got ${reply.status}, to be ${status}`;
    });
  }
}
