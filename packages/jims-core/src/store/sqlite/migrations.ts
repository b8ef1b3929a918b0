import type { DatabaseSync } from 'node:sqlite';

import { JimsError } from '../../errors/jims-error.ts';
import { STEP_5 } from './step-5.ts';
import { STEP_6 } from './step-6.ts';

/**
 * The two tables of the Python original; tables that are there already are used as they are. SQLAlchemy
 * declares their ids as UUID, which SQLite takes for a numeric type: it would turn an id that consists
 * of digits, such as 0…01, into a number.
 */
const ORIGINAL_TABLES = `
CREATE TABLE IF NOT EXISTS threads (
	thread_id CHAR(32) NOT NULL,
	contact_id VARCHAR,
	external_id VARCHAR,
	created_at DATETIME NOT NULL,
	thread_config JSON NOT NULL,
	PRIMARY KEY (thread_id)
);
CREATE INDEX IF NOT EXISTS ix_threads_external_id ON threads (external_id);
CREATE INDEX IF NOT EXISTS ix_threads_contact_id ON threads (contact_id);
CREATE TABLE IF NOT EXISTS thread_events (
	thread_id CHAR(32) NOT NULL,
	event_id CHAR(32) NOT NULL,
	created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL,
	event_type VARCHAR(255) NOT NULL,
	event_domain VARCHAR(255),
	event_name VARCHAR(255),
	event_data JSON,
	PRIMARY KEY (thread_id, event_id)
);
`;

/**
 * The tables that JIMS adds, one step for each version. A released step never changes. The number is kept
 * in `jims_migrations`, because `user_version` belongs to the program that made the file.
 *
 * The event that started a run is in the log under the run's id; `incoming_type` and `incoming_data` hold
 * it only until then. So the runs of a thread are found by the thread's events, and runs without such an
 * event by a small index. An index of all runs by thread would make each run write one more page.
 */
const STEPS: readonly string[] = [
  `
CREATE INDEX IF NOT EXISTS jims_thread_events_order ON thread_events (thread_id, created_at, event_id);
CREATE TABLE jims_instances (
	instance_id TEXT PRIMARY KEY,
	lease_until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE jims_runs (
	ticket INTEGER PRIMARY KEY,
	run_id TEXT NOT NULL UNIQUE,
	thread_id TEXT NOT NULL,
	status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
	attempt INTEGER NOT NULL DEFAULT 1,
	instance_id TEXT NOT NULL,
	key_scope TEXT,
	key TEXT,
	fingerprint TEXT,
	created_thread INTEGER NOT NULL,
	incoming_stored INTEGER NOT NULL,
	incoming_type TEXT,
	incoming_data JSON,
	start_ids JSON,
	output_ids JSON,
	cancel_requested INTEGER NOT NULL DEFAULT 0,
	withdrawn JSON,
	error JSON,
	usage JSON,
	last_seq INTEGER,
	accepted_at DATETIME NOT NULL,
	started_at DATETIME,
	finished_at DATETIME
);
CREATE UNIQUE INDEX jims_runs_running ON jims_runs (thread_id) WHERE status = 'running';
CREATE INDEX jims_runs_queued ON jims_runs (thread_id, ticket) WHERE status = 'queued';
CREATE UNIQUE INDEX jims_runs_key ON jims_runs (key_scope, key) WHERE key IS NOT NULL;
CREATE INDEX jims_runs_cancel ON jims_runs (instance_id)
	WHERE cancel_requested AND status IN ('queued', 'running');
CREATE INDEX jims_runs_unlogged ON jims_runs (thread_id) WHERE NOT incoming_stored;
`,
  `
-- The latest thread of a contact, and a page of any list of threads, without sorting all of them.
CREATE INDEX IF NOT EXISTS jims_threads_contact_order ON threads (contact_id, created_at, thread_id);
CREATE INDEX IF NOT EXISTS jims_threads_order ON threads (created_at, thread_id);
-- The thread of an external id, which is unique within its contact alone.
CREATE INDEX IF NOT EXISTS jims_threads_external ON threads (external_id, contact_id)
	WHERE external_id IS NOT NULL;
-- Threads that are gone, and whose events and finished runs are not yet: they go in pieces.
CREATE TABLE jims_erasing (
	thread_id TEXT PRIMARY KEY
) WITHOUT ROWID;
-- A conversation start marked its run as having a stored question, also when it had none: such a run
-- is found by no event, and has outlived its thread where that was erased.
DELETE FROM jims_runs WHERE NOT EXISTS (SELECT 1 FROM threads t WHERE t.thread_id = jims_runs.thread_id);
UPDATE jims_runs SET incoming_stored = 0
WHERE incoming_stored AND NOT EXISTS (
	SELECT 1 FROM thread_events e WHERE e.thread_id = jims_runs.thread_id AND e.event_id = jims_runs.run_id);
`,
  `
-- The original's two indexes: jims_threads_contact_order and jims_threads_external begin with the same
-- columns, so that each new thread wrote the same names twice, on pages that lie anywhere in the file.
DROP INDEX IF EXISTS ix_threads_contact_id;
DROP INDEX IF EXISTS ix_threads_external_id;
`,
  `
-- A run without chain_id begins a chain of its own. An instance_id of zeroes is nobody's. Results are text:
-- a column of type JSON would turn those that are numbers into numbers of SQLite.
ALTER TABLE jims_runs ADD COLUMN chain_id TEXT;
ALTER TABLE jims_runs ADD COLUMN continues TEXT;
ALTER TABLE jims_runs ADD COLUMN question_id TEXT;
ALTER TABLE jims_runs ADD COLUMN durable INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jims_runs ADD COLUMN counted INTEGER NOT NULL DEFAULT 1;
ALTER TABLE jims_runs ADD COLUMN recoveries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jims_runs ADD COLUMN retry_at INTEGER;
ALTER TABLE jims_runs ADD COLUMN kept TEXT;
ALTER TABLE jims_runs ADD COLUMN config TEXT;
CREATE INDEX jims_runs_chain ON jims_runs (chain_id, ticket) WHERE chain_id IS NOT NULL;
ALTER TABLE jims_instances ADD COLUMN version TEXT;
ALTER TABLE jims_instances ADD COLUMN durable INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jims_instances ADD COLUMN draining INTEGER NOT NULL DEFAULT 0;
-- Not WITHOUT ROWID: pages of such a table are split as those of an index are, and keep copies of what
-- was erased. Rows of this one come at its end, so its pages are never split.
CREATE TABLE jims_journal (
	chain_id TEXT NOT NULL,
	seq INTEGER NOT NULL,
	part TEXT NOT NULL,
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	nth INTEGER NOT NULL,
	call INTEGER NOT NULL,
	input TEXT,
	outcome TEXT NOT NULL CHECK (outcome IN ('value', 'error', 'asked')),
	result TEXT,
	usage TEXT,
	at INTEGER NOT NULL,
	run_id TEXT NOT NULL,
	attempt INTEGER NOT NULL,
	version TEXT,
	PRIMARY KEY (chain_id, seq)
);
CREATE TABLE jims_questions (
	question_id TEXT PRIMARY KEY,
	chain_id TEXT NOT NULL,
	run_id TEXT NOT NULL,
	thread_id TEXT NOT NULL,
	audience TEXT NOT NULL CHECK (audience IN ('contact', 'service')),
	name TEXT,
	text TEXT,
	data TEXT,
	schema TEXT,
	buttons TEXT,
	accepts TEXT NOT NULL,
	contents TEXT,
	early INTEGER NOT NULL,
	tell INTEGER NOT NULL,
	asked_at DATETIME NOT NULL,
	expires_at DATETIME NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('open', 'answered', 'expired', 'withdrawn')),
	reason TEXT,
	answered_by TEXT,
	closed_at DATETIME
);
CREATE UNIQUE INDEX jims_questions_contact ON jims_questions (thread_id)
	WHERE state = 'open' AND audience = 'contact';
CREATE INDEX jims_questions_thread ON jims_questions (thread_id);
CREATE INDEX jims_questions_due ON jims_questions (expires_at) WHERE state = 'open';
CREATE INDEX jims_questions_open ON jims_questions (asked_at, question_id) WHERE state = 'open';
-- Chains of threads that are gone, which no event of the thread leads to.
CREATE TABLE jims_erasing_chains (
	thread_id TEXT NOT NULL,
	chain_id TEXT NOT NULL,
	PRIMARY KEY (thread_id, chain_id)
) WITHOUT ROWID;
`,
  STEP_5,
  STEP_6,
];

/** Brings the tables up to date; safe to run twice and from several processes at once. */
export function migrate(db: DatabaseSync): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    db.exec('CREATE TABLE IF NOT EXISTS jims_migrations (version INTEGER PRIMARY KEY)');
    const current = currentVersion(db);
    if (current === 0) db.exec(ORIGINAL_TABLES);
    for (let version = current + 1; version <= STEPS.length; version++) {
      db.exec(STEPS[version - 1] ?? '');
      db.prepare('INSERT INTO jims_migrations (version) VALUES (?)').run(version);
    }
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}

function currentVersion(db: DatabaseSync): number {
  const row = db.prepare('SELECT coalesce(max(version), 0) AS version FROM jims_migrations').get();
  const version = Number(row?.['version']);
  if (version > STEPS.length) {
    throw new JimsError(
      'store_invalid',
      `The database was written by a newer jims-core (tables of version ${version}, this one knows ${STEPS.length}): update jims-core`,
    );
  }
  return version;
}
