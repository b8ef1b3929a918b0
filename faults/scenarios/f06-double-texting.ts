import { setTimeout as sleep } from 'node:timers/promises';

import { readFacts } from '../check/facts.ts';
import { checkInvariants } from '../check/invariants.ts';
import { executionsFile, freshDatabase, onEachStore, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario, StoreName } from '../lab/lab.ts';
import { newMessage } from '../lab/message.ts';
import type { Message } from '../lab/message.ts';
import { createSender } from '../lab/sender.ts';

const POLICIES = ['queue', 'reject', 'interrupt'] as const;
const QUEUE_LIMIT = 64;
const PATIENCE_MS = 45_000;
const IN_TURN = 30;
const FEW = 3;
const FEWS = 20;
/** One contact may have them all: what is tried here is the order of a thread, not a contact's share. */
const WITHOUT_SHARE = ['--max-runs-per-caller', '1024'];

/** F6: one thread gets hundreds of messages at the same moment. */
export const doubleTexting: Scenario = {
  id: 'F6',
  about: '200 messages to one thread at once: all policies, SQLite and 3 processes on PostgreSQL',
  run: (lab) => onEachStore(lab, 3, flood),
};

async function flood(lab: Lab, store: StoreName, size: number): Promise<void> {
  const { checks, random } = lab;
  const db = await freshDatabase(lab, store);
  await using cluster = await startProcesses(lab, { db, size, args: WITHOUT_SHARE });
  const sender = createSender({ ...lab, cluster, patienceMs: PATIENCE_MS });
  const all: Message[] = [];

  async function send(count: number, policy: Message['onBusy']): Promise<readonly Message[]> {
    const messages = Array.from({ length: count }, (_, index) =>
      newMessage(random, {
        contact: policy,
        by: index % 4 === 3 ? 'stream' : 'chat',
        command: ['echo', 0, 20],
        onBusy: policy,
      }),
    );
    all.push(...messages);
    const until = performance.now() + PATIENCE_MS;
    await Promise.all(messages.map((message) => sender.deliver(message, until)));
    return messages;
  }

  /** Each when the one before is acknowledged, and long before that is answered. */
  async function sendInTurn(contact: string): Promise<void> {
    const threadId = all.find((each) => each.contact === contact && each.threadId)?.threadId;
    const until = performance.now() + PATIENCE_MS;
    const delivered: Promise<void>[] = [];
    for (let n = 0; n < IN_TURN; n++) {
      const message = newMessage(random, { contact, by: 'background', command: ['echo', 20, 80] });
      message.threadId = threadId;
      all.push(message);
      delivered.push(sender.deliver(message, until));
      while (message.ackedAt === undefined && performance.now() < until) await sleep(1);
    }
    await Promise.all(delivered);
  }

  for (let round = 0; round < (lab.isLong ? 12 : 1); round++) {
    for (const policy of POLICIES) {
      const messages = await send(200, policy);
      const ends = Object.groupBy(messages, ({ answers }) => answers.at(-1)?.kind ?? 'lost');
      const count = (kind: keyof typeof ends): number => ends[kind]?.length ?? 0;
      const [done, refused, cancelled] = [count('result'), count('refused'), count('cancelled')];
      checks.that('I7', done + refused + cancelled === messages.length, () => {
        return `${store}, ${policy}: ${done} answered, ${refused} refused, ${cancelled} cancelled of ${messages.length}`;
      });
      checks.that('I7', done > 0, () => `${store}, ${policy}: nobody was answered`);
      if (policy === 'queue') {
        checks.that('I7', done > QUEUE_LIMIT && cancelled === 0, () => {
          return `${store}, queue: ${done} answered, ${cancelled} cancelled`;
        });
      }
      if (round === 0) lab.figure(`${store} ${policy}`, `${done}/${refused}/${cancelled}`);
    }
    await sendInTurn('queue');
    // The queue is empty: that one of them is first, the store alone decides.
    for (let n = 0; n < FEWS; n++) await send(FEW, 'queue');
    // What comes one after the other finds an empty line.
    for (const policy of POLICIES) await send(1, policy);
  }
  for (const message of all.slice(-POLICIES.length)) {
    checks.that('I7', message.answers.at(-1)?.kind === 'result', () => {
      return `${store}: a thread is blocked after the flood (${message.onBusy})`;
    });
  }
  checkInvariants(checks, all, await readFacts(db), { executions: executionsFile(lab) });
  await cluster.stopAll();
}
