// The floor on PostgreSQL: two round trips a turn, each one statement and one commit. The question
// is stored, and the end of the thread read, by the first; the answer is stored by the second.
//
//   node bench/floor/postgres.ts --port 9000 --url postgresql://… [--steps 10]
//
// Each step is one more row, in a round trip and a commit of its own.
import { randomUUIDv7 } from 'node:crypto';
import { parseArgs } from 'node:util';

import { Pool } from 'pg';

import { serveFloor } from './serve.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '9000' },
    steps: { type: 'string', default: '0' },
    url: { type: 'string', default: 'postgresql://postgres@127.0.0.1/postgres' },
  },
});

const CONNECTIONS = 10;
const pool = new Pool({ connectionString: values.url, max: CONNECTIONS, min: CONNECTIONS });
await pool.query(`
CREATE TABLE IF NOT EXISTS threads (
  thread_id uuid PRIMARY KEY,
  contact_id varchar,
  external_id varchar,
  created_at timestamp NOT NULL,
  thread_config jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS threads_contact ON threads (contact_id);
CREATE TABLE IF NOT EXISTS thread_events (
  thread_id uuid NOT NULL,
  event_id uuid NOT NULL,
  created_at timestamp NOT NULL,
  event_type varchar(255) NOT NULL,
  event_domain varchar(255),
  event_name varchar(255),
  event_data json,
  PRIMARY KEY (thread_id, event_id)
);
CREATE INDEX IF NOT EXISTS thread_events_order ON thread_events (thread_id, created_at, event_id);
CREATE TABLE IF NOT EXISTS steps (turn_id uuid, n integer, result json, PRIMARY KEY (turn_id, n));
`);

const ASK = `
WITH found AS (
  SELECT thread_id FROM threads WHERE contact_id = $1 ORDER BY created_at DESC LIMIT 1
), made AS (
  INSERT INTO threads
  SELECT $2::uuid, $1, NULL, clock_timestamp() AT TIME ZONE 'UTC', '{"interface": "api"}'
  WHERE NOT EXISTS (SELECT FROM found)
  RETURNING thread_id
), thread AS (
  SELECT thread_id, false AS created FROM found UNION ALL SELECT thread_id, true FROM made
), question AS (
  INSERT INTO thread_events
  SELECT thread_id, $3::uuid, clock_timestamp() AT TIME ZONE 'UTC', 'comm.user_message', 'comm',
         'user_message', $4::json
  FROM thread
)
SELECT thread_id, created, ARRAY(
  SELECT event_data FROM thread_events e WHERE e.thread_id = thread.thread_id
  ORDER BY created_at DESC, event_id DESC LIMIT 20
)
FROM thread`;

const TELL = `
INSERT INTO thread_events
VALUES ($1, $2, clock_timestamp() AT TIME ZONE 'UTC', 'comm.assistant_message', 'comm',
        'assistant_message', $3)`;

const steps = Number(values.steps);
serveFloor(Number(values.port), async ({ contactId, message }) => {
  const question = JSON.stringify({ role: 'user', content: message });
  const stored = await pool.query<[threadId: string, created: boolean]>({
    name: 'ask',
    text: ASK,
    values: [contactId, randomUUIDv7(), randomUUIDv7(), question],
    rowMode: 'array',
  });
  const [threadId, created] = stored.rows[0] ?? ['', false];
  const turnId = randomUUIDv7();
  for (let n = 0; n < steps; n++) {
    await pool.query({
      name: 'step',
      text: 'INSERT INTO steps VALUES ($1, $2, $3)',
      values: [turnId, n, JSON.stringify({ n })],
    });
  }
  const text = `You said: ${message}`;
  const answer = JSON.stringify({ role: 'assistant', content: text });
  await pool.query({ name: 'tell', text: TELL, values: [threadId, randomUUIDv7(), answer] });
  return { threadId, created, text };
});
