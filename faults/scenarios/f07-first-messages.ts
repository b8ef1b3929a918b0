import { ask, chatBody } from '../lab/ask.ts';
import { contactNames, freshDatabase, onEachStore, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario, StoreName } from '../lab/lab.ts';

const FIRSTS = 50;

/** F7: the first messages of a contact come at once, at several processes. */
export const firstMessages: Scenario = {
  id: 'F7',
  about: '50 first messages of a contact at once: one thread',
  run: (lab) => onEachStore(lab, 3, race),
};

async function race(lab: Lab, store: StoreName, size: number): Promise<void> {
  const { checks, random } = lab;
  const db = await freshDatabase(lab, store);
  await using cluster = await startProcesses(lab, { db, size });
  for (const contact of contactNames(lab.isLong ? 100 : 8)) {
    const replies = await Promise.all(
      Array.from({ length: FIRSTS }, async (_, index) => {
        const server = cluster.pick(random);
        return server && ask(server, '/api/v1/chat', chatBody(contact, `m${index}`, 'echo 0'));
      }),
    );
    const statuses = new Set(replies.map((reply) => reply?.status));
    checks.that('answer', [...statuses].join() === '200', () => {
      return `${store}: ${contact} got ${[...statuses].join(', ')}`;
    });
    const threads = new Set(replies.map((reply) => reply?.body['thread_id']));
    checks.that('I4', threads.size === 1, () => {
      return `${store}: ${contact} has ${threads.size} threads`;
    });
    const made = replies.filter((reply) => reply?.body['created_new_thread'] === true).length;
    checks.that('I4', made === 1, () => `${store}: ${made} messages of ${contact} made a thread`);
  }
  await cluster.stopAll();
}
