// The floor on SQLite: what a turn costs when a program does its durable work and nothing else.
//
//   node bench/floor/sqlite.ts --port 9000 --file /tmp/floor.db [--commits 1] [--ids v4] [--steps 10]
//
// With two commits the question is on disk before the answer is made, as JIMS promises it; with one,
// both are written at the end; with `each`, every row is a commit that no other turn shares. Ids that grow, as JIMS has them, fill the pages of an index one after
// the other; random ones are all over it. Each step is one more row, in a commit of its own.
import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';

import { groupCommit } from './group-commit.ts';
import type { Write } from './group-commit.ts';
import { serveFloor } from './serve.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '9000' },
    file: { type: 'string', default: 'floor.db' },
    commits: { type: 'string', default: '2' },
    ids: { type: 'string', default: 'v7' },
    steps: { type: 'string', default: '0' },
  },
});

const db = new DatabaseSync(values.file, { timeout: 5000 });
db.exec(`
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE threads (
  thread_id UUID NOT NULL,
  contact_id VARCHAR,
  external_id VARCHAR,
  created_at DATETIME NOT NULL,
  thread_config JSON NOT NULL,
  PRIMARY KEY (thread_id)
);
CREATE INDEX threads_contact ON threads (contact_id);
CREATE TABLE thread_events (
  thread_id UUID NOT NULL,
  event_id UUID NOT NULL,
  created_at DATETIME NOT NULL,
  event_type VARCHAR(255) NOT NULL,
  event_domain VARCHAR(255),
  event_name VARCHAR(255),
  event_data JSON,
  PRIMARY KEY (thread_id, event_id)
);
CREATE INDEX thread_events_order ON thread_events (thread_id, created_at, event_id);
CREATE TABLE steps (turn_id UUID NOT NULL, n INTEGER NOT NULL, result JSON, PRIMARY KEY (turn_id, n)) WITHOUT ROWID;
`);
const latest = db.prepare(
  'SELECT thread_id FROM threads WHERE contact_id = ? ORDER BY created_at DESC LIMIT 1',
);
const insertThread = db.prepare('INSERT INTO threads VALUES (?, ?, NULL, ?, ?)');
const insertEvent = db.prepare('INSERT INTO thread_events VALUES (?, ?, ?, ?, ?, ?, ?)');
const lastEvents = db.prepare(
  `SELECT event_id, created_at, event_type, event_data FROM thread_events
   WHERE thread_id = ? ORDER BY created_at DESC, event_id DESC LIMIT 20`,
);
latest.setReturnArrays(true);
lastEvents.setReturnArrays(true);
const write: Write = values.commits === 'each' ? async (work) => work() : groupCommit(db);
const newId = values.ids === 'v4' ? randomUUID : randomUUIDv7;

interface Asked {
  readonly threadId: string;
  readonly created: boolean;
  readonly history: readonly unknown[];
}

function ask(contactId: string, message: string): Asked {
  const found = latest.get(contactId) as unknown as [string] | undefined;
  const threadId = found?.[0] ?? newId();
  if (!found) insertThread.run(threadId, contactId, now(), '{"interface":"api"}');
  store(threadId, 'user', message);
  return { threadId, created: !found, history: lastEvents.all(threadId) };
}

function store(threadId: string, role: 'user' | 'assistant', content: string): void {
  const name = `${role}_message`;
  const data = JSON.stringify({ role, content });
  insertEvent.run(threadId, newId(), now(), `comm.${name}`, 'comm', name, data);
}

function now(): string {
  return new Date().toISOString();
}

const insertStep = db.prepare('INSERT INTO steps VALUES (?, ?, ?)');
const steps = Number(values.steps);
const inOneCommit = values.commits === '1';
serveFloor(Number(values.port), async ({ contactId, message }) => {
  const text = `You said: ${message}`;
  if (inOneCommit) {
    return write(() => {
      const turn = ask(contactId, message);
      store(turn.threadId, 'assistant', text);
      return { ...turn, text };
    });
  }
  const turn = await write(() => ask(contactId, message));
  const turnId = newId();
  for (let n = 0; n < steps; n++) {
    await write(() => insertStep.run(turnId, n, JSON.stringify({ n })));
  }
  await write(() => store(turn.threadId, 'assistant', text));
  return { ...turn, text };
});
