import { randomUUID } from 'node:crypto';

import { readFacts } from '../check/facts.ts';
import { checkInvariants } from '../check/invariants.ts';
import { ask, only } from '../lab/ask.ts';
import { SETTLE_MS, contactNames, freshDatabase, lasts, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario, StoreName } from '../lab/lab.ts';
import { talk } from '../lab/talk.ts';

const FEWEST_CUTS = 100;

/** F11: streams are cut after any frame, and joined again anywhere. */
export const cutsAndJoins: Scenario = {
  id: 'F11',
  about: 'streams are cut after any frame and joined again, also at another process',
  async run(lab) {
    await cut(lab, 'SQLite', 1);
    await cut(lab, 'PostgreSQL', 2);
  },
};

async function cut(lab: Lab, store: StoreName, size: number): Promise<void> {
  const { checks, history, random } = lab;
  const db = await freshDatabase(lab, store);
  await using cluster = await startProcesses(lab, { db, size });
  const before = checks.count('stream');
  let joins = 0;
  const messages = await talk({
    cluster,
    checks,
    history: {
      ...history,
      write(entry) {
        if (entry['what'] === 'join') joins++;
        history.write(entry);
      },
    },
    random: random.fork(),
    contacts: contactNames(20),
    devices: 1,
    until: performance.now() + lasts(lab, 6000, 60_000),
    settleMs: SETTLE_MS,
    patienceMs: 15_000,
    cutChance: 0.1,
    by: [[1, 'stream']],
    commands: [[1, ['stream', 1, 60]]],
  });
  checkInvariants(checks, messages, await readFacts(db));
  checks.that('stream', joins >= FEWEST_CUTS, () => `only ${joins} streams were joined again`);
  const server = only(cluster.at(0));
  const ended = messages.find(({ answers }) => answers.at(-1)?.kind === 'result')?.runId ?? '';
  for (const [path, id, status] of [
    [`/api/v1/runs/${randomUUID()}/stream`, '0', 404],
    [`/api/v1/runs/no-id/stream`, '0', 422],
    [`/api/v1/runs/${ended}/stream`, 'garbage', 400],
    [`/api/v1/runs/${ended}/stream`, '-1', 400],
    [`/api/v1/runs/${ended}/stream`, '100000', 204],
    [`/api/v1/runs/${ended}/stream`, '0', 200],
  ] as const) {
    const reply = await ask(server, path, undefined, { headers: { 'last-event-id': id } });
    checks.that('stream', reply.status === status, () => {
      return `${path} after '${id}' got ${reply.status}, to be ${status}`;
    });
  }
  await cluster.stopAll();
  lab.figure(`${store} streams`, messages.length);
  lab.figure(`${store} joins`, joins);
  lab.figure(`${store} frames`, checks.count('stream') - before);
}
