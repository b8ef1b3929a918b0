/** The original's two tables, as SQLAlchemy declares them: existing ones are used as they are. */
export const ORIGINAL_TABLES = `
create table if not exists threads (
  thread_id uuid not null,
  contact_id character varying,
  external_id character varying,
  created_at timestamp without time zone not null,
  thread_config jsonb not null,
  constraint threads_pkey primary key (thread_id)
);
create index if not exists ix_threads_contact_id on threads (contact_id);
create index if not exists ix_threads_external_id on threads (external_id);

create table if not exists thread_events (
  thread_id uuid not null,
  event_id uuid not null,
  created_at timestamp without time zone default now() not null,
  event_type character varying(255) not null,
  event_domain character varying(255),
  event_name character varying(255),
  event_data json,
  constraint thread_events_pkey primary key (thread_id, event_id)
);
`;

/**
 * Our indexes on them, the only thing that we add outside the schema `jims`. Without the first, each
 * append and each look for what is new reads the whole thread (measured with 10,000 events: 2.5 ms,
 * with it 0.02 ms, twice in every run); without the second, the latest thread of a contact is sought
 * among all of his; without the third, a list of threads sorts all of them.
 *
 * The last two are without the thread's id: from version 18 on PostgreSQL may look an id up by skipping
 * through an index that only ends with it, and a function would keep such a plan while the table grows.
 *
 * Alembic, which compares a Python application's models with the database, may propose to drop them.
 * Dropping them harms nothing but speed, and the next start of a process makes them anew. For a table
 * of many millions of events make them beforehand by `create index concurrently`, as writers wait
 * while a plain one is made.
 */
export const ORDER_INDEXES = `
create index if not exists jims_thread_events_order on thread_events (thread_id, created_at, event_id);
create index if not exists jims_threads_contact_order on threads (contact_id, created_at);
create index if not exists jims_threads_order on threads (created_at);
`;

export const RUN_TABLES = `
-- A type, as a check constraint would be read and compiled anew by every statement that writes a row.
create type jims.run_status as enum ('queued', 'running', 'completed', 'failed', 'cancelled');

-- A process is alive while its lease lasts, by this database's clock.
create table jims.instances (
  instance_id uuid primary key,
  lease_until timestamp with time zone not null
);

create table jims.runs (
  run_id uuid primary key,
  thread_id uuid not null,
  ticket bigint generated always as identity,
  status jims.run_status not null,
  instance_id uuid not null,
  attempt integer not null default 1,
  -- The id of the request that made this attempt: another than run_id when a lost run runs again.
  request_id uuid not null,
  created_thread boolean not null,
  idem_scope text,
  idem_key text,
  idem_fingerprint text,
  -- Whether what started it is in the log, as the event with the run's id; until then it is here.
  incoming_stored boolean not null,
  incoming_type text,
  incoming_data json,
  -- What its conversation start sent; null until that is in the log.
  start_ids uuid[],
  output_ids uuid[],
  cancel_requested boolean not null default false,
  -- How it will end when its turn comes, as nobody waits for it any more.
  withdrawn_as jims.run_status,
  error_code text,
  error_message text,
  usage json,
  last_seq integer,
  accepted_at timestamp with time zone not null default clock_timestamp(),
  started_at timestamp with time zone,
  finished_at timestamp with time zone
);
-- The proof that one run of a thread runs at a time.
create unique index runs_running on jims.runs (thread_id) where status = 'running';
create unique index runs_idem_key on jims.runs (idem_scope, idem_key) where idem_key is not null;
create index runs_line on jims.runs (thread_id, ticket) where status in ('queued', 'running');
-- To erase what a thread had: its other runs are found by its events. An index of all runs by thread, or
-- by time, would be written at each begin and end of one.
create index runs_unlogged on jims.runs (thread_id) where not incoming_stored;

-- By attempt, so that what a process writes that was taken for dead is not read with the next attempt.
create table jims.run_progress (
  run_id uuid not null,
  attempt integer not null,
  seq integer not null,
  event json not null,
  primary key (run_id, attempt, seq)
);
`;
