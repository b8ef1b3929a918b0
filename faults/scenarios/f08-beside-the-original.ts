import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'pg';

import { readFacts } from '../check/facts.ts';
import { ask, chatBody, only } from '../lab/ask.ts';
import { freshDatabase, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario } from '../lab/lab.ts';

const CONTACT = 'both';

/** F8: rows of the Python original and ours in one thread are read in one order, by both. */
export const besideTheOriginal: Scenario = {
  id: 'F8',
  about: 'rows as the Python original writes them, between ours: one order for both',
  async run(lab) {
    if (lab.stores.includes('PostgreSQL')) await onPostgres(lab);
    if (lab.stores.includes('SQLite')) await onSqlite(lab);
  },
};

/** Both at work on one database, in which a schema comes that is first in the search path of all. */
async function onPostgres(lab: Lab): Promise<void> {
  const db = await freshDatabase(lab, 'PostgreSQL');
  const python = new Client({ connectionString: db });
  await python.connect();
  try {
    await using cluster = await startProcesses(lab, { db, size: 2 });
    const order: string[] = [];
    const count = lab.isLong ? 500 : 60;
    for (let n = 0; n < count; n++) {
      if (n === count / 2) {
        await python.query('create schema authorization current_user');
        await cluster.stop(0);
        await cluster.start(0);
      }
      const server = only(cluster.pick(lab.random));
      const threadId = await sayOurs(server, n, order);
      // SQLAlchemy leaves created_at to its default, now(): when the transaction began.
      const content = `python ${n}`;
      order.push(content);
      await python.query(
        `insert into thread_events (thread_id, event_id, event_type, event_data) values ($1, $2, $3, $4)`,
        [threadId, draftUuid7(), 'comm.assistant_message', messageOf(content)],
      );
    }
    await checkOrder(lab, db, order);
    await cluster.stopAll();
  } finally {
    await python.end();
  }
}

/** A SQLite file is handed from one to the other: neither is there while the other writes. */
async function onSqlite(lab: Lab): Promise<void> {
  const db = await freshDatabase(lab, 'SQLite');
  await using cluster = await startProcesses(lab, { db, size: 1 });
  const order: string[] = [];
  for (let n = 0; n < (lab.isLong ? 20 : 2); n++) {
    const threadId = await sayOurs(only(cluster.at(0)), n, order);
    await cluster.stop(0);
    // CURRENT_TIMESTAMP has whole seconds: within one second the original has no order.
    await sleep(1100);
    const content = `python ${n}`;
    order.push(content);
    using file = new DatabaseSync(db.slice('sqlite:///'.length));
    file
      .prepare(
        'INSERT INTO thread_events (thread_id, event_id, event_type, event_data) VALUES (?, ?, ?, ?)',
      )
      .run(
        threadId.replaceAll('-', ''),
        draftUuid7().replaceAll('-', ''),
        'comm.assistant_message',
        messageOf(content),
      );
    await cluster.start(0);
  }
  await sayOurs(only(cluster.at(0)), 99, order);
  await checkOrder(lab, db, order);
  await cluster.stopAll();
}

/** Talks to our service, and notes what is in the log by that. */
async function sayOurs(
  server: Parameters<typeof ask>[0],
  n: number,
  order: string[],
): Promise<string> {
  const body = { ...chatBody(CONTACT, `m${n}`, 'echo 0') };
  const { status, body: answer, text } = await ask(server, '/api/v1/chat', body);
  if (status !== 200) throw new Error(`chat got ${status}: ${text}`);
  order.push(`m${n} canary-${CONTACT} echo 0`);
  order.push(
    ...Array.from(
      Array.isArray(answer['assistant_messages']) ? answer['assistant_messages'] : [],
      String,
    ),
  );
  return String(answer['thread_id']);
}

async function checkOrder(lab: Lab, db: string, order: readonly string[]): Promise<void> {
  const { checks } = lab;
  const { threads } = await readFacts(db);
  checks.that('I8', threads.length === 1, () => `there are ${threads.length} threads`);
  const thread = threads[0];
  const comm = (thread?.events ?? []).filter(({ type }) => type.startsWith('comm.'));
  const ours = comm.map(({ content }) => content);
  const contents = new Map(comm.map(({ eventId, content }) => [eventId, content]));
  const theirs = (thread?.byTimeAlone ?? []).flatMap((id) => contents.get(id) ?? []);
  for (const [index, content] of order.entries()) {
    checks.that('I8', ours[index] === content, () => {
      return `we read '${ours[index]}' where '${content}' was said`;
    });
    checks.that('I8', theirs[index] === content, () => {
      return `the original reads '${theirs[index]}' where '${content}' was said`;
    });
  }
  lab.figure(db.startsWith('sqlite') ? 'SQLite events' : 'PostgreSQL events', order.length);
}

function messageOf(content: string): string {
  return JSON.stringify({ role: 'assistant', content });
}

/** As the package `uuid7` makes them: 36 bits of seconds, 24 of their fraction. Above all of RFC 9562. */
function draftUuid7(): string {
  const now = performance.timeOrigin + performance.now();
  const seconds = Math.floor(now / 1000);
  const fraction = Math.floor(((now % 1000) / 1000) * 2 ** 24);
  const time = seconds.toString(16).padStart(9, '0') + fraction.toString(16).padStart(6, '0');
  const hex = `${time.slice(0, 12)}7${time.slice(12)}8${randomBytes(8).toString('hex')}`.slice(
    0,
    32,
  );
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
