/** Something that is made where it is missing, and used as it is where it is there. */
export interface Wanted {
  readonly name: string;
  readonly sql: string;
}

/** The original's two tables, as SQLAlchemy declares them. */
export const ORIGINAL_TABLES: readonly Wanted[] = [
  {
    name: 'threads',
    sql: `
create table original.threads (
  thread_id uuid not null,
  contact_id character varying,
  external_id character varying,
  created_at timestamp without time zone not null,
  thread_config jsonb not null,
  constraint threads_pkey primary key (thread_id)
)`,
  },
  {
    name: 'thread_events',
    sql: `
create table original.thread_events (
  thread_id uuid not null,
  event_id uuid not null,
  created_at timestamp without time zone default now() not null,
  event_type character varying(255) not null,
  event_domain character varying(255),
  event_name character varying(255),
  event_data json,
  constraint thread_events_pkey primary key (thread_id, event_id)
)`,
  },
];

/**
 * The original's indexes, and ours on its tables: the only thing that we add outside our own schema.
 * Without `jims_thread_events_order`, each append and each look for what is new reads the whole thread
 * (measured with 10,000 events: 2.5 ms, with it 0.02 ms, twice in every run); without
 * `jims_threads_contact_order`, the latest thread of a contact is sought among all of the contact's
 * threads; without `jims_threads_order`, a list of threads sorts all of them.
 *
 * `jims_threads_external` is for the thread of an external id, which is unique within its contact alone:
 * of a hash, as both together may be longer than an entry of an index.
 *
 * The two orders are without the thread's id: from version 18 on PostgreSQL may look an id up by skipping
 * through an index that only ends with it, and a function would keep such a plan while the table grows.
 *
 * Alembic, which compares a Python application's models with the database, may propose to drop them.
 * Dropping them harms nothing but speed, and the next start of a process makes them anew.
 */
export const INDEXES: readonly (Wanted & { readonly table: string })[] = [
  {
    name: 'ix_threads_contact_id',
    table: 'threads',
    sql: 'create index ix_threads_contact_id on original.threads (contact_id)',
  },
  {
    name: 'ix_threads_external_id',
    table: 'threads',
    sql: 'create index ix_threads_external_id on original.threads (external_id)',
  },
  {
    name: 'jims_thread_events_order',
    table: 'thread_events',
    sql: 'create index jims_thread_events_order on original.thread_events (thread_id, created_at, event_id)',
  },
  {
    name: 'jims_threads_contact_order',
    table: 'threads',
    sql: 'create index jims_threads_contact_order on original.threads (contact_id, created_at)',
  },
  {
    name: 'jims_threads_order',
    table: 'threads',
    sql: 'create index jims_threads_order on original.threads (created_at)',
  },
  {
    name: 'jims_threads_external',
    table: 'threads',
    sql: `create index jims_threads_external on original.threads (hashtextextended(external_id, 0), contact_id)
          where external_id is not null`,
  },
];
