// What is kept of the activity of threads in a SQLite file, also of what other programs write.
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { openStore } from '../../src/store/open-store.ts';
import { listStatement } from '../../src/store/sqlite/thread-list.ts';
import type { Store, ThreadQuery } from '../../src/store/store.ts';
import { newEvent } from '../../src/thread/event.ts';
import { THREAD_TITLED } from '../../src/thread/message.ts';
import { SUPERSEDED } from '../../src/thread/thread.ts';
import { freshSqlite } from '../support/sqlite.ts';
import { undoStepFive } from '../support/step-four.ts';
import { answer, question, untilClockTicks } from '../support/store-user.ts';

const HEX = (n: number): string => `0190d3a0aaaa7000800000000000${String(n).padStart(4, '0')}`;

test('a file of the step before is brought up to date: order, titles, messages, questions, search', async () => {
  using file = freshSqlite();
  const before = await openStore(file.url);
  const ids: string[] = [];
  for (const text of ['first', 'second', 'third']) {
    await untilClockTicks();
    const { thread } = await before.openThread({ contactId: 'a' });
    await before.appendEvents(thread.id, [question(text), answer(`to ${text}`)]);
    ids.push(thread.id);
  }
  const [first = '', second = '', third = ''] = ids;
  await untilClockTicks();
  const title = newEvent(THREAD_TITLED, { title: 'by a person' });
  await before.appendEvents(first, [title, newEvent('state.set.x', { value: 1 })]);
  const empty = await before.openThread({ contactId: 'empty' });
  await before.close();
  undoStepFive(file.path);
  // What the original wrote: whole seconds, no domains, spaces in its JSON, numbers that JSON does not know.
  writePython(file.path, {
    thread: 1,
    at: '2020-02-02 02:02:02',
    events: ['Hello', 'Echo: Hello'],
  });
  using db = new DatabaseSync(file.path);
  db.prepare('UPDATE threads SET external_id = ? WHERE thread_id = ?').run(
    SUPERSEDED + third,
    second.replaceAll('-', ''),
  );
  db.close();
  await using store = await openStore(file.url);
  const { threads } = await store.listThreads({ contactId: 'a', limit: 10 });
  assert.deepEqual(
    threads.map(({ id, title: shown, lastMessage }) => [id, shown, lastMessage?.excerpt]),
    [
      [first, 'by a person', 'to first'],
      [third, 'third', 'to third'],
      [second, 'second', 'to second'],
    ],
  );
  assert.deepEqual(await listed(store, { contactId: 'a', current: true }), [first, third]);
  const overview = await store.threadOverview(empty.thread.id);
  assert.ok(overview && overview.lastEventAt >= overview.createdAt);
  const [python] = (await store.listThreads({ contactId: 'python', limit: 1 })).threads;
  assert.deepEqual(
    [python?.title, python?.lastMessage, python?.lastEventAt],
    ['Hello', { role: 'assistant', excerpt: 'Echo: Hello' }, '2020-02-02T02:02:03.000000Z'],
  );
  assert.deepEqual(await listed(store, { contactId: 'a', words: 'second' }), [second]);
  assert.deepEqual(await listed(store, { contactId: 'python', words: 'echo hel' }), [python?.id]);
});

test('rows that another program writes meanwhile count, also when they come before others in the log', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  writePython(file.path, { thread: 1, at: '2020-02-02 02:02:02', events: ['Hello'] });
  const [thread] = (await store.listThreads({ contactId: 'python', words: 'hello', limit: 1 }))
    .threads;
  assert.ok(thread);
  await store.appendEvents(thread.id, [question('ours')]);
  assert.deepEqual(await listed(store, { contactId: 'python', words: 'ours' }), [thread.id]);
  writeEvents(file.path, {
    thread: 1,
    at: '2020-02-02 02:02:01',
    events: ['earlier', 'equal'],
    from: 10,
  });
  assert.deepEqual(await listed(store, { contactId: 'python', words: 'earlier' }), [thread.id]);
  assert.deepEqual(await listed(store, { contactId: 'python', words: 'equal' }), [thread.id]);
  // Nothing was indexed twice: what was is removed with its thread.
  using db = new DatabaseSync(file.path);
  const indexed = db.prepare('SELECT count(*) AS n FROM jims_searched').get()?.['n'];
  assert.equal(indexed, 4);
  await store.deleteThreads({ contactId: 'python' });
  for (const table of ['jims_activity', 'jims_searched', 'jims_shelves']) {
    assert.equal(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n'], 0, table);
  }
});

test('very many events of one second are indexed, too', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const events = Array.from({ length: 1300 }, (_, n) => `word${n}`);
  writePython(file.path, { thread: 1, at: '2020-02-02 02:02:02', events, sameTime: true });
  for (let count = 0; await store.indexMessages(); count++) assert.ok(count < 50, 'it gets on');
  for (const words of ['word0', 'word1299']) {
    assert.equal((await listed(store, { contactId: 'python', words })).length, 1);
  }
});

test('data that is not what a message has hides no thread', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const { thread } = await store.openThread({ contactId: 'a' });
  using db = new DatabaseSync(file.path);
  const insert = db.prepare(
    `INSERT INTO thread_events (thread_id, event_id, created_at, event_type, event_data)
     VALUES (?, ?, ?, 'comm.user_message', ?)`,
  );
  const long = 'x'.repeat(20_000);
  const texts = [
    null,
    '[]',
    '7',
    'no JSON',
    '{"role": "user"}',
    '{"role": 7, "content": "x"}',
    `{"files": ["${long}"], "role": "user", "content": "x"}`,
    `no JSON ${long}`,
    '{"role": "user", "content": "n", "score": NaN}',
    `{"role": "user", "content": "\\ud83d\\udc4b${'\\ud83d\\udc4b'.repeat(5000)}"}`,
  ];
  for (const [n, data] of texts.entries()) {
    insert.run(thread.id.replaceAll('-', ''), HEX(n), `2099-01-01 00:00:0${n}`, data);
    const overview = await store.threadOverview(thread.id);
    assert.equal(overview?.lastEventAt, `2099-01-01T00:00:0${n}.000000Z`);
    assert.equal(overview.lastMessage !== undefined, n >= 8, data ?? '');
    if (n < 8) assert.equal(overview.title, undefined);
  }
  const overview = await store.threadOverview(thread.id);
  assert.equal(overview?.title, 'n');
  assert.match(overview.lastMessage?.excerpt ?? '', /^(?:👋)+…$/u);
  while (await store.indexMessages());
});

test('each list of threads is read by an index, in its order, whatever the number', async () => {
  using file = freshSqlite();
  await (await openStore(file.url)).close();
  using db = new DatabaseSync(file.path);
  db.exec(`
    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)
    INSERT INTO threads (thread_id, contact_id, external_id, created_at, thread_config)
    SELECT printf('0190d3a0aaaa7000%016d', n), 'many', iif(n % 2, 'jims:superseded:x' || n, NULL),
      printf('2026-01-01 00:00:%02d.%06d', n / 1000, n), '{}' FROM n`);
  const before = {
    createdAt: '2026-01-01T00:00:10.000000Z',
    id: '0190d3a0-aaaa-7000-0000-000000000007',
  };
  const filters: readonly Omit<ThreadQuery, 'limit'>[] = [
    {},
    { current: true },
    { feedback: 'up' },
    { feedback: 'down', current: true },
    { waiting: true },
    { waiting: true, current: true },
    { order: 'created' },
    { order: 'created', current: true },
  ];
  for (const filter of filters) {
    for (const contact of [{}, { contactId: 'many' }]) {
      for (const position of [{}, { before }]) {
        const query = { ...filter, ...contact, ...position };
        const { text, values } = listStatement(query);
        const steps = db.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...values);
        requireIndexed(query, steps.map((step) => String(step['detail'])).join('\n'));
      }
    }
  }
  await using store = await openStore(file.url);
  const query = { contactId: 'many', limit: 3, current: true };
  const { threads, more } = await store.listThreads({ ...query, before });
  assert.deepEqual(
    threads.map(({ id }) => Number(id.slice(-12))),
    [9998, 9996, 9994],
  );
  assert.equal(more, true);
});

function requireIndexed(query: Omit<ThreadQuery, 'limit'>, plan: string): void {
  assert.doesNotMatch(plan, /SCAN (?!t USING INDEX jims_threads_order)|TEMP B-TREE/);
  if (query.contactId !== undefined) assert.match(plan, /\(contact_id=\?/);
  if (!query.before) return;
  const order = query.order === 'created' ? 'created_at' : 'last_event_at';
  assert.ok(plan.includes(`(${order},thread_id)<`), plan);
}

interface PythonRows {
  readonly thread: number;
  readonly at: string;
  readonly events: readonly string[];
  readonly from?: number;
  readonly sameTime?: boolean;
}

function writePython(path: string, rows: PythonRows): void {
  using db = new DatabaseSync(path);
  db.prepare(
    `INSERT INTO threads (thread_id, contact_id, external_id, created_at, thread_config)
     VALUES (?, 'python', NULL, ?, '{"interface": "api"}')`,
  ).run(HEX(rows.thread), '2020-02-02 02:02:01.123456');
  writeEvents(path, rows);
}

/** One a second, in turns by the contact and the assistant. */
function writeEvents(path: string, { thread, at, events, from = 0, sameTime }: PythonRows): void {
  using db = new DatabaseSync(path);
  const insert = db.prepare(
    `INSERT INTO thread_events (thread_id, event_id, created_at, event_type, event_data)
     VALUES (?, ?, ?, ?, ?)`,
  );
  db.exec('BEGIN');
  for (const [index, content] of events.entries()) {
    const role = index % 2 === 0 ? 'user' : 'assistant';
    const second = Number(at.slice(-2)) + (sameTime ? 0 : index);
    const time = at.slice(0, -2) + String(second).padStart(2, '0');
    const data = `{"role": "${role}", "content": "${content}", "score": NaN}`;
    insert.run(HEX(thread), HEX(from + index), time, `comm.${role}_message`, data);
  }
  db.exec('COMMIT');
}

async function listed(store: Store, query: Omit<ThreadQuery, 'limit'>): Promise<readonly string[]> {
  return (await store.listThreads({ limit: 100, ...query })).threads.map(({ id }) => id);
}
